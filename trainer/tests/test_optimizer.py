"""The optimizer with 8-bit states beside the one with float32 states."""

import torch

from trainer.optimizer import MasterAdamW
from trainer.paged_optimizer import MasterPagedAdamW


def weights() -> dict[str, torch.nn.Parameter]:
    torch.manual_seed(3)
    return {name: torch.nn.Parameter(torch.randn(96, 64)) for name in ("a", "b")}


def move(optimizer: MasterAdamW | MasterPagedAdamW, named: dict[str, torch.nn.Parameter], times: int) -> None:
    """Steps by gradients that lead to ever the same values."""
    for _ in range(times):
        for weight in named.values():
            weight.grad = weight.detach() - 1
        optimizer.step()


def apart(left: dict[str, torch.nn.Parameter], right: dict[str, torch.nn.Parameter]) -> float:
    return max(float((left[name] - right[name]).detach().abs().max()) for name in left)


def test_its_states_have_eight_bits_and_its_steps_are_nearly_those_of_adam() -> None:
    plain, lean = weights(), weights()
    move(MasterAdamW(plain, 0.01), plain, 20)
    optimizer = MasterPagedAdamW(lean, 0.01)
    move(optimizer, lean, 20)
    assert {optimizer.state[weight]["state1"].dtype for weight in lean.values()} == {torch.uint8}
    assert apart(plain, weights()) > 0.15
    assert 0 < apart(plain, lean) < 0.05


def test_either_goes_on_from_the_states_of_the_other() -> None:
    for first, second in ((MasterAdamW, MasterPagedAdamW), (MasterPagedAdamW, MasterAdamW)):
        whole, parts = weights(), weights()
        move(first(whole, 0.01), whole, 20)
        before = first(parts, 0.01)
        move(before, parts, 10)
        kept = {name: weight.detach().clone() for name, weight in parts.items()}
        moments = {name: value.clone() for name, value in before.moments().items()}
        fresh = weights()
        after = second(fresh, 0.01)
        after.restore(kept, moments)
        assert apart(fresh, parts) == 0
        move(after, fresh, 10)
        assert apart(fresh, whole) < 0.05


def test_its_states_come_back_as_they_were() -> None:
    named = weights()
    optimizer = MasterPagedAdamW(named, 0.01)
    assert optimizer.moments() == {}
    move(optimizer, named, 3)
    moments = {name: value.clone() for name, value in optimizer.moments().items()}
    again = MasterPagedAdamW(weights(), 0.01)
    again.restore({name: weight.detach() for name, weight in named.items()}, moments)
    for name, value in again.moments().items():
        assert float((value - moments[name]).abs().max()) <= 0.01 * float(moments[name].abs().max())
