"""How a training went so far: what its training checkpoints carry beside the weights."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from trainer.device import Device
from trainer.durable import json_bytes, sha256
from trainer.optimizer import MasterAdamW
from trainer.paged_optimizer import MasterPagedAdamW
from trainer.protocol import Channel
from trainer.training_state import TrainingState, load_newest

Optimizer = MasterAdamW | MasterPagedAdamW

SPAN = 20  # steps
IMPROVED = 0.999  # a held-back loss counts as lower when it is below this share of the best
# What leaves the course as it is, or is in the hash in its resolved form.
NO_MATTER = (
    *("output", "saveSeconds", "threads", "microBatch", "gradientCheckpointing", "optimizer", "embeddingsOnCpu"),
    *("device", "dtype", "roles", "modules", "model", "ladder", "ranOut", "memoryLimit"),
)


@dataclass
class Course:
    """`losses` has one point a step, `looks` one a held-back loss. `exact`: no step was resumed inexactly.

    `rng` is the state of PyTorch's generator after the last step.
    """

    losses: list[dict[str, float]] = field(default_factory=list)
    looks: list[dict[str, float]] = field(default_factory=list)
    best_step: int | None = None
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    exact: bool = True
    ended_early: bool = False
    rng: torch.Tensor = field(default_factory=torch.get_rng_state)

    @property
    def step(self) -> int:
        return len(self.losses)

    def diverges(self) -> bool:
        """Whether the last 20 losses are all above three times the median of those before."""
        values = [point["loss"] for point in self.losses]
        before, last = values[:-SPAN], values[-SPAN:]
        return len(before) >= SPAN and min(last) > 3 * statistics.median(before)

    def look(self, loss: float, adapter: Callable[[], dict[str, torch.Tensor]], patience: int) -> None:
        """Notes a held-back loss, keeps the adapter when it is the best so far, and says when to end."""
        earlier = [look["loss"] for look in self.looks]
        self.looks.append({"step": self.step, "loss": loss})
        if not earlier or loss < IMPROVED * min(earlier):
            self.best_step, self.best = self.step, adapter()
        waited = sum(1 for look in self.looks if look["step"] > (self.best_step or 0))
        self.ended_early = waited >= max(1, patience)


def hash_spec(spec: dict[str, Any], device: Device, modules: list[str]) -> str:
    """Of all that decides the course of a training. Paths, threads and the saving interval do not."""
    kept = {name: value for name, value in spec.items() if name not in NO_MATTER}
    source = Path(next(iter(spec["model"].values())))
    files = [source] if source.is_file() else sorted(source.glob("*.safetensors"))
    kept |= {"model": [[file.name, file.stat().st_size] for file in files]}
    kept |= {"on": device.kind, "in": device.dtype_name, "at": modules}
    return sha256(json_bytes(kept))


def resume(folder: Path, spec_hash: str, optimizer: Optimizer, channel: Channel, *, exact: bool) -> Course:
    """Puts the newest complete training checkpoint in force; a new course when there is none.

    `exact`: whether going on here gives the same numbers as not having stopped.
    """
    state, skipped = load_newest(folder, spec_hash)
    for sentence in skipped:
        channel.notice(sentence)
    if state is None:
        return Course()
    optimizer.restore(state.adapter, state.moments)
    torch.set_rng_state(state.rng["cpu"])
    course = Course(**state.facts, best=state.best, rng=state.rng["cpu"])
    course.exact = course.exact and exact
    channel.notice(f"Training goes on after step {course.step}.")
    return course


def snapshot(course: Course, optimizer: Optimizer) -> TrainingState:
    """All that `resume` needs."""
    return TrainingState(
        step=course.step,
        facts={
            "losses": course.losses,
            "looks": course.looks,
            "best_step": course.best_step,
            "exact": course.exact,
            "ended_early": course.ended_early,
        },
        adapter=dict(optimizer.masters),
        moments=optimizer.moments(),
        best=course.best,
        rng={"cpu": course.rng},
    )
