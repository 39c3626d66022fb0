"""LoRA layers computed in fewer, fused steps: the same numbers as PEFT's own forward, up to rounding.

PEFT writes `base(x) + scale * B(A(x))` as seven operations that autograd records one by one; here it is one
operation whose backward pass adds onto the large products instead of making copies.
"""

import types
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import nn
from torch.nn import functional


class LoraProduct(torch.autograd.Function):
    """`x W' + bias + scale (x A') B'` for a frozen W; x is (..., inputs)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        inner = flat @ a.t()
        result = functional.linear(flat, weight, bias)
        result.addmm_(inner, b.t(), alpha=scale)
        ctx.save_for_backward(flat, inner, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, inner, weight, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        back = (grad @ b).mul_(ctx.scale)
        grad_a = back.t() @ flat
        grad_b = (grad.t() @ inner).mul_(ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad @ weight).addmm_(back, a).view(ctx.shape)
        return grad_x, None, None, grad_a, grad_b, None


def use_fast_lora(model: nn.Module) -> int:
    """Gives every plain LoRA layer the fused forward, for adapters of the model's own type. Returns how many; 4-bit
    layers keep PEFT's."""
    count = 0
    for layer in model.modules():
        if isinstance(layer, LoraLinear) and type(layer.base_layer) is nn.Linear:
            layer.forward = types.MethodType(_forward, layer)
            count += 1
    return count


def _forward(self: Any, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    base = self.base_layer
    a, b = self.lora_A["default"].weight, self.lora_B["default"].weight
    return LoraProduct.apply(x, base.weight, base.bias, a, b, self.scaling["default"])
