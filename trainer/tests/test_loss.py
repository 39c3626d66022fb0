"""The fast ways of computing give the numbers of the plain ones."""

import copy
from typing import Any

import pytest
import torch
from torch.nn import functional

from trainer.answer_loss import joined_loss, padded_loss
from trainer.causal_attention import use_causal_attention
from trainer.fast_lora import use_fast_lora
from trainer.head_loss import HeadLoss
from trainer.lora import add_adapter
from trainer.modules import choose_modules
from trainer.rows import IGNORED
from trainer.shared_prefix import join_rows, use_shared_prefix
from trainer.tests.test_modules import ROLES
from trainer.toy import random_model


def batch() -> dict[str, torch.Tensor]:
    """Four rows that begin alike and are of different lengths, right-padded."""
    torch.manual_seed(0)
    beginning = torch.randint(2, 300, (9,))
    ids = torch.full((4, 30), 0)
    labels = torch.full((4, 30), IGNORED)
    mask = torch.zeros(4, 30, dtype=torch.long)
    for place, (prompt, length) in enumerate([(12, 30), (10, 20), (15, 27), (12, 14)]):
        ids[place, :length] = torch.cat([beginning, torch.randint(2, 300, (length - 9,))])
        labels[place, prompt:length] = ids[place, prompt:length]
        mask[place, :length] = 1
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def tuned(kind: str) -> Any:
    model = random_model(kind, 300, 1, 0)
    model.requires_grad_(False)
    tuned = add_adapter(model, choose_modules(model, ROLES, None, 4), 4, 8)
    torch.manual_seed(1)
    for weight in tuned.parameters():
        if weight.requires_grad:
            weight.data.normal_(0, 0.1)
    return tuned


def gradients(model: Any, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.requires_grad])


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_loss_and_gradient_equal_those_of_transformers_and_peft(kind: str) -> None:
    plain, inputs = tuned(kind), batch()
    fast = copy.deepcopy(plain)
    expected = plain(**inputs).loss
    wanted = gradients(plain, expected)
    use_shared_prefix(fast.get_base_model())
    assert use_fast_lora(fast) == (14 if kind == "llama" else 12)
    total, count = joined_loss(fast, inputs)
    assert int(count) == 18 + 10 + 12 + 2
    found = gradients(fast, total / count)
    assert (total / count).item() == pytest.approx(expected.item(), abs=1e-5)
    assert float((found - wanted).norm() / wanted.norm()) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "phi"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_path_of_a_gpu_gives_the_same_loss_and_gradient(kind: str, checkpointing: bool) -> None:
    plain, inputs = tuned(kind), batch()
    lean = copy.deepcopy(plain)
    expected = plain(**inputs).loss
    wanted = gradients(plain, expected)
    use_causal_attention(lean.get_base_model())
    if checkpointing:
        lean.gradient_checkpointing_enable({"use_reentrant": False})
        lean.enable_input_require_grads()
    total, count = padded_loss(lean.train(), inputs)
    found = gradients(lean, total / count)
    assert (total / count).item() == pytest.approx(expected.item(), abs=1e-5)
    assert float((found - wanted).norm() / wanted.norm()) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_attention_in_float16_survives_products_that_float16_cannot_hold(kind: str) -> None:
    """Queries and keys whose products pass float16's largest number, 65504, as Phi-2's do."""
    model: Any = random_model(kind, 300, 1, 0)
    for layer in model.model.layers:
        for projection in (layer.self_attn.q_proj, layer.self_attn.k_proj):
            projection.weight.data.mul_(500)
    model = model.half()
    ids = batch()["input_ids"]
    model.set_attn_implementation("eager")  # transformers' own, written out as plain products
    assert not bool(model.model(input_ids=ids, use_cache=False).last_hidden_state.isfinite().all())
    use_causal_attention(model)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    assert hidden.dtype == torch.float16
    assert bool(hidden.isfinite().all())


def test_one_batch_of_four_is_four_batches_of_one() -> None:
    model, inputs = tuned("llama"), batch()
    use_shared_prefix(model.get_base_model())
    total, count = joined_loss(model, inputs)
    together = gradients(model, total / count)
    model.zero_grad()
    for place in range(4):
        one, _ = joined_loss(model, {name: value[place : place + 1] for name, value in inputs.items()})
        (one / count).backward()
    apart = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.requires_grad])
    assert float((together - apart).norm() / apart.norm()) < 1e-5


def test_the_shared_beginning_never_reaches_an_answer() -> None:
    ids = torch.arange(10).repeat(3, 1)
    labels = ids.clone()
    labels[:, :4] = IGNORED
    joined = join_rows(ids, labels)
    assert joined.layout.prefix == 3  # the last prompt token stays with its row: it predicts the first answer token
    assert joined.ids.tolist()[0] == [0, 1, 2] + [3, 4, 5, 6, 7, 8, 9] * 3
    assert joined.positions.tolist() == joined.ids.tolist()


@pytest.mark.parametrize("bias", [True, False])
def test_the_head_loss_is_cross_entropy(bias: bool) -> None:
    torch.manual_seed(2)
    hidden = torch.randn(600, 16, requires_grad=True)
    weight, offset = torch.randn(50, 16), torch.randn(50) if bias else None
    labels = torch.randint(0, 50, (600,))
    expected = functional.cross_entropy(functional.linear(hidden, weight, offset), labels, reduction="sum")
    (wanted,) = torch.autograd.grad(expected, hidden)
    found: Any = HeadLoss.apply(hidden, weight, offset, labels)
    (gradient,) = torch.autograd.grad(found * 1.0, hidden)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(gradient, wanted, atol=1e-4)
