"""What a training step holds beside weights, adapter and optimizer: the step itself, on torch's meta device.

There tensors have shapes and types and no numbers, so that a step of a model of any size takes a moment. What is
kept for the backward pass, made again by checkpointing and thrown away on the way is then as in the real step.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from trainer.causal_attention import use_causal_attention
from trainer.device import Device
from trainer.fast_lora import use_fast_lora
from trainer.head_loss import HeadLoss
from trainer.live_bytes import LiveBytes
from trainer.lora import add_adapter, trained_dtype, trained_weights
from trainer.modules import Targets
from trainer.shared_prefix import layout_of, use_shared_prefix


@dataclass(frozen=True)
class Recipe:
    """What of a spec decides about memory, resolved. `again`: activations are computed again instead of kept
    (gradient checkpointing). `optimizer` is "float32" or "paged8bit"."""

    device: Device
    nf4: bool
    rank: int
    again: bool
    optimizer: str
    embeddings_on_cpu: bool


@dataclass(frozen=True)
class Batch:
    """The largest piece that is computed at once: rows of so many tokens, the first `prefix` of them alike in all,
    and the tokens of all rows that count for the loss."""

    rows: int
    tokens: int
    prefix: int
    answers: int


class FrozenProduct(torch.autograd.Function):
    """As bitsandbytes multiplies: the 4-bit weight is unpacked for the product, and once more for its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.shape = shape
        return x @ x.new_empty(shape).t()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return grads[0] @ grads[0].new_empty(ctx.shape), None


def step_bytes(
    kind: type[PreTrainedModel], config: PreTrainedConfig, targets: Targets, recipe: Recipe, batch: Batch
) -> int:
    """The most bytes at once."""

    def of(layers: int) -> int:
        few = type(config).from_dict(config.to_dict() | {"num_hidden_layers": layers})
        return _measure(kind, few, targets, recipe, batch)

    layers: int = config.num_hidden_layers
    if layers < 4:
        return of(layers)
    two, three = of(2), of(3)
    return three + (layers - 3) * (three - two)  # every layer is like the others


def _measure(
    kind: type[PreTrainedModel], config: PreTrainedConfig, targets: Targets, recipe: Recipe, batch: Batch
) -> int:
    with torch.device("meta"):
        model: Any = kind(config)
        model.to(recipe.device.dtype).requires_grad_(False)
        tuned: Any = add_adapter(model, targets, recipe.rank, recipe.rank)
        for weight in trained_weights(tuned, recipe.device).values():
            weight.grad = torch.zeros_like(weight)  # of an earlier piece of the step: it only grows there
        _as_trained(tuned, recipe)
        known = [*tuned.parameters(), *tuned.buffers()]
        counted = LiveBytes([*known, *(weight.grad for weight in known if weight.grad is not None)])
        with counted:
            _step(tuned.get_base_model(), recipe.device, batch)
    return counted.most


def _frozen_product(x: torch.Tensor, shape: tuple[int, int]) -> Any:
    return FrozenProduct.apply(x, shape)


def _as_trained(tuned: Any, recipe: Recipe) -> None:
    on_cpu = recipe.device.kind == "cpu"
    if recipe.again:
        tuned.gradient_checkpointing_enable({"use_reentrant": False})
        tuned.enable_input_require_grads()
    tuned.train()
    (use_shared_prefix if on_cpu else use_causal_attention)(tuned.get_base_model())
    if recipe.nf4:
        head = tuned.get_output_embeddings()
        for layer in tuned.modules():
            if isinstance(layer, nn.Linear) and not layer.weight.requires_grad and layer is not head:
                shape = (layer.out_features, layer.in_features)
                unpacking: Any = layer
                unpacking.forward = partial(_frozen_product, shape=shape)
    elif on_cpu and trained_dtype(recipe.device) == recipe.device.dtype:
        use_fast_lora(tuned)


def _step(base: Any, device: Device, batch: Batch) -> None:
    if device.kind == "cpu":
        own = batch.tokens - batch.prefix
        ids = torch.zeros(1, batch.prefix + batch.rows * own, dtype=torch.long)
        layout = layout_of(batch.prefix, batch.rows, own)
        hidden = base.base_model(
            input_ids=ids, position_ids=torch.zeros_like(ids), use_cache=False, layout=layout
        ).last_hidden_state
    else:
        ids = torch.zeros(batch.rows, batch.tokens, dtype=torch.long)
        hidden = base.base_model(input_ids=ids, use_cache=False).last_hidden_state
    head = base.get_output_embeddings()
    places = torch.zeros(batch.answers, dtype=torch.long)
    loss: Any = HeadLoss.apply(hidden.flatten(0, 1)[places], head.weight, head.bias, places)
    del hidden
    loss.backward()
