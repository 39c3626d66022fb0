"""AdamW with 8-bit states, in memory that may leave the GPU while it is short: bitsandbytes' `PagedAdamW8bit`.

Training checkpoints hold the states in float32, as those of `MasterAdamW`, so that a training goes on with either.
"""

from typing import Any

import torch
from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise
from bitsandbytes.optim.adamw import PagedAdamW8bit

NAMES = {"exp_avg": "1", "exp_avg_sq": "2"}  # Adam's name of a state -> the number bitsandbytes gives it


class MasterPagedAdamW(PagedAdamW8bit):
    """The interface of `MasterAdamW`, for float32 weights, which are their own masters."""

    def __init__(self, named: dict[str, torch.nn.Parameter], lr: float) -> None:
        self.masters: dict[str, torch.Tensor] = dict(named)
        super().__init__(list(named.values()), lr=lr, weight_decay=0.0)

    def moments(self) -> dict[str, torch.Tensor]:
        """Adam's state by parameter name, float32; empty before the first step."""
        found: dict[str, torch.Tensor] = {}
        for name, master in self.masters.items():
            state = self.state.get(master)
            if not state:
                continue
            found[f"step:{name}"] = torch.tensor(float(state["step"]))
            for key, number in NAMES.items():
                values = state[f"state{number}"]
                if values.dtype == torch.uint8:
                    code, scales = state[f"qmap{number}"], state[f"absmax{number}"]
                    values = dequantize_blockwise(values, absmax=scales, code=code, blocksize=256)
                found[f"{key}:{name}"] = values
        return found

    @torch.no_grad()
    def restore(self, masters: dict[str, torch.Tensor], moments: dict[str, torch.Tensor]) -> None:
        """The inverse of reading `masters` and `moments`. Raises KeyError when a tensor is missing."""
        for index, (name, master) in enumerate(self.masters.items()):
            master.copy_(masters[name])
            if not moments:
                continue
            group: Any = self.param_groups[0]
            self.init_state(group, master, 0, index)
            state = self.state[master]
            state["step"] = int(moments[f"step:{name}"])
            for key, number in NAMES.items():
                values = moments[f"{key}:{name}"].to(master.device)
                if state[f"state{number}"].dtype == torch.uint8:
                    packed, how = quantize_blockwise(values, code=state[f"qmap{number}"], blocksize=256)
                    state[f"absmax{number}"].copy_(how.absmax)
                    values = packed
                state[f"state{number}"].copy_(values)
