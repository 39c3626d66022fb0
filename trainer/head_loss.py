"""Cross-entropy over the output head, for answer tokens only, without keeping logits.

TRL does this on GPUs; on the CPU it scores every position and computes the head again in the backward pass.
Here the gradient of the hidden states is made together with the loss, piece by piece: the head is frozen.
"""

from typing import Any

import torch
from torch.nn import functional

PIECE = 256  # tokens whose logits are held at once


class HeadLoss(torch.autograd.Function):
    """Sum of the negative log-likelihoods of `labels`; `hidden` is (tokens, width)."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor
    ) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(labels), PIECE):
            span = slice(start, start + PIECE)
            wanted = labels[span, None]
            logits = functional.linear(hidden[span], weight, bias).log_softmax(1, dtype=torch.float32)
            total -= logits.gather(1, wanted).sum()
            chances = logits.exp_()
            chances.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=torch.float32))
            torch.mm(chances.to(weight.dtype), weight, out=gradient[span])
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0], None, None, None
