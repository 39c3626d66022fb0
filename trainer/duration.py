"""How long a training takes on this machine's CPU, roughly, before it starts."""

import time

import torch

from trainer.device import Device

SIDE = 1024  # of the matrices multiplied as a trial
TRIAL_SECONDS = 0.3
# Share of that trial's speed that a whole training is taken to reach; assumed, not measured: its products are smaller.
REACHED = 0.5


def training_seconds(parameters: int, tokens: int, again: bool, device: Device) -> float:
    """Seconds for `tokens` tokens over the whole training and `parameters` values in the layers that multiply.

    A frozen value costs two operations a token forwards, two backwards, and two more where activations are computed
    `again`.
    """
    operations = (6 if again else 4) * parameters * tokens
    return operations / (REACHED * trial_speed(device))


def trial_speed(device: Device) -> float:
    """Operations a second in a product of two square matrices, the best of some."""
    left = torch.ones(SIDE, SIDE, dtype=device.dtype)
    best = 0.0
    end = time.monotonic() + TRIAL_SECONDS
    while best == 0.0 or time.monotonic() < end:
        started = time.perf_counter()
        torch.mm(left, left)
        best = max(best, 2 * SIDE**3 / (time.perf_counter() - started))
    return best
