"""AdamW that keeps float32 copies of bfloat16 weights: small updates are not rounded away."""

from collections.abc import Callable
from typing import Any

import torch


class MasterAdamW(torch.optim.AdamW):
    """Steps on the float32 copies in `masters`, in the order of `named`, and writes them back to the weights.

    Float32 weights are their own masters.
    """

    def __init__(self, named: dict[str, torch.nn.Parameter], lr: float) -> None:
        self.named = named
        self.masters: dict[str, torch.Tensor] = {
            name: weight if weight.dtype == torch.float32 else weight.detach().float().requires_grad_()
            for name, weight in named.items()
        }
        # On a GPU the usual way makes copies of all weights in passing.
        fused = True if next(iter(named.values())).is_cuda else None
        super().__init__(list(self.masters.values()), lr=lr, weight_decay=0.0, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for name, master in self.masters.items():
            weight = self.named[name]
            if master is not weight:
                master.grad = None if weight.grad is None else weight.grad.float()
        result = super().step(closure)
        self.write_back()
        return result

    @torch.no_grad()
    def write_back(self) -> None:
        """Sets the weights to their masters' values."""
        for name, master in self.masters.items():
            if master is not self.named[name]:
                self.named[name].copy_(master)
                master.grad = None

    def moments(self) -> dict[str, torch.Tensor]:
        """Adam's state by parameter name; empty before the first step."""
        found: dict[str, torch.Tensor] = {}
        for name, master in self.masters.items():
            for key, value in self.state.get(master, {}).items():
                found[f"{key}:{name}"] = value
        return found

    @torch.no_grad()
    def restore(self, masters: dict[str, torch.Tensor], moments: dict[str, torch.Tensor]) -> None:
        """The inverse of reading `masters` and `moments`. Raises KeyError when a tensor is missing."""
        for name, master in self.masters.items():
            master.copy_(masters[name])
            if moments:
                self.state[master] = {
                    key: moments[f"{key}:{name}"].to(master.device) for key in ("step", "exp_avg", "exp_avg_sq")
                }
        self.write_back()
