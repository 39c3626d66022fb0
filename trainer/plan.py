"""How many optimizer steps, when to look at the held-back loss, and which rows each step sees."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

WINDOW = 8  # steps whose rows are sorted by length together, so that little is padded


@dataclass(frozen=True)
class Plan:
    """`order` holds the entry of every place of every step: `steps * step_rows` numbers."""

    steps: int
    step_rows: int
    order: list[int]
    evaluate_at: frozenset[int]
    patience: int


def make_plan(
    rule: dict[str, Any],
    lengths: list[int],
    step_rows: int,
    seed: int,
    held_back: int,
    entry: Callable[[int, int], int] = lambda row, _: row,
) -> Plan:
    """`rule` is the spec's `steps`. With `auto` the held-back loss is looked at after each pass over the rows.

    `entry` says which entry of the data stands for a row in a pass.
    """
    count = len(lengths)
    steps = rule["count"] if rule["rule"] == "fixed" else math.ceil(rule["passes"] * count / step_rows)
    order: list[int] = []
    pass_ = 0
    while len(order) < steps * step_rows:
        order += [entry(row, pass_) for row in one_pass(lengths, step_rows, seed, pass_)]
        pass_ += 1
    looks: frozenset[int] = frozenset()
    if rule["rule"] == "auto" and held_back:
        looks = frozenset(min(steps, math.ceil(done * count / step_rows)) for done in range(1, pass_ + 1))
    return Plan(steps, step_rows, order[: steps * step_rows], looks, rule.get("patience", 0))


def one_pass(lengths: list[int], step_rows: int, seed: int, pass_: int) -> list[int]:
    """Every row once, shuffled, rows of similar length beside each other. Depends on nothing but the arguments."""
    chance = torch.Generator().manual_seed(seed * 1_000_003 + pass_)
    shuffled = torch.randperm(len(lengths), generator=chance).tolist()
    span = WINDOW * step_rows
    grouped: list[int] = []
    for start in range(0, len(shuffled), span):
        grouped += sorted(shuffled[start : start + span], key=lambda row: lengths[row])
    whole = len(grouped) // step_rows
    places = torch.randperm(whole, generator=chance).tolist()
    mixed = [row for place in places for row in grouped[place * step_rows : (place + 1) * step_rows]]
    return mixed + grouped[whole * step_rows :]


def micro_batch(step_rows: int, longest: int, token_limit: int, at_most: int) -> int:
    """Rows to compute at once: the largest divisor of `step_rows` that stays under both limits, at least 1.

    The gradient is the same either way, for the loss of a step is the mean over all its answer tokens.
    """
    sizes = [size for size in range(1, min(step_rows, at_most) + 1) if step_rows % size == 0]
    return max((size for size in sizes if size * longest <= token_limit), default=1)
