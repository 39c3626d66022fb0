"""Before anything is loaded: rows, plan and modules of a training, its memory, and what to change to make it fit."""

import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

from trainer.base_model import Source, is_nf4
from trainer.device import Device, choose_device, memory_limit, memory_now, return_large_pieces
from trainer.duration import training_seconds
from trainer.memory_estimate import CPU_SPREAD, LARGE_SPREAD, RETURNED_SPREAD, Estimate, empty_model, estimate_memory
from trainer.modules import Targets, choose_modules, linear_layers
from trainer.plan import Plan, make_plan, micro_batch
from trainer.protocol import Channel, JobError
from trainer.rows import Rows, encode_rows
from trainer.step_memory import Batch, Recipe

CPU_TOKENS = 2048  # computed at once on the CPU with a small model
LARGE_MODEL = 10**9  # parameters from which a quarter of that is enough for full speed
GPU_TOKENS = 1024  # from which unpacking the 4-bit weights no longer decides the speed
ROOMY_GPU_BYTES = 16 * 2**30  # memory from which a GPU computes a whole step at once


@dataclass(frozen=True)
class Training:
    """All that is settled before the weights are read. `spec` has the changes of the rung that was chosen."""

    spec: dict[str, Any]
    device: Device
    rows: Rows
    held_back: Rows
    plan: Plan
    targets: Targets
    recipe: Recipe
    batch: Batch
    estimate: Estimate
    limit: int


def prepare(spec: dict[str, Any], source: Source) -> Training:
    """Raises JobError E_TRAINER for rows that cannot be trained on, E_MODULES, E_PY_ENV."""
    device = choose_device(spec)
    rows, held_back = (
        encode_rows(spec[name], source.tokenizer, spec["maxLength"], spec["endText"]) for name in ("rows", "heldBack")
    )
    if not rows.ids:
        raise JobError(
            "E_TRAINER", f"All {len(rows.left_out)} training rows are longer than {spec['maxLength']} tokens."
        )
    step_rows = spec["batchSize"] * spec["accumulation"]
    plan = make_plan(spec["steps"], rows.lengths, step_rows, spec["seed"], len(held_back.ids), rows.entry)
    model = empty_model(source.kind, source.config)
    targets = choose_modules(model, spec["roles"], spec["modules"], spec["rank"])
    limit = memory_limit(device.kind, spec.get("memoryLimit"))
    recipe = Recipe(
        device=device,
        nf4=is_nf4(spec["quantization"], device),
        rank=spec["rank"],
        again=bool(spec.get("gradientCheckpointing")),
        optimizer=spec.get("optimizer") or "float32",
        embeddings_on_cpu=bool(spec.get("embeddingsOnCpu")),
    )
    parameters = model.num_parameters()
    size = rows_at_once(spec, device, limit, parameters, max(map(len, rows.ids)))
    batch = Batch(size, max(map(len, rows.ids)), rows.prefix(), size * rows.longest_answer())
    program = memory_now("cpu") if device.kind == "cpu" else 0

    def estimated(spread: float) -> Estimate:
        return estimate_memory(source.kind, source.config, targets, recipe, batch, program, spread)

    large = parameters >= LARGE_MODEL
    estimate = estimated(LARGE_SPREAD if large else CPU_SPREAD)
    # It costs a quarter of the speed, less than the next rung; and where activations are computed again hardly any.
    short = recipe.again or estimate.total > limit
    if device.kind == "cpu" and large and short and return_large_pieces():
        estimate = estimated(RETURNED_SPREAD)
    return Training(spec, device, rows, held_back, plan, targets, recipe, batch, estimate, limit)


def rows_at_once(spec: dict[str, Any], device: Device, limit: int, parameters: int, longest: int) -> int:
    """The micro-batch: as many rows as are worth computing together, at most `microBatch` of the spec."""
    step_rows = spec["batchSize"] * spec["accumulation"]
    if device.kind == "cuda":
        tokens = sys.maxsize if limit > ROOMY_GPU_BYTES else GPU_TOKENS
    else:
        tokens = CPU_TOKENS if parameters < LARGE_MODEL else CPU_TOKENS // 4
    return micro_batch(step_rows, longest, tokens, spec.get("microBatch") or step_rows)


def choose_rung(spec: dict[str, Any], source: Source, channel: Channel) -> Training:
    """The spec itself, or the first of its `ladder` whose estimate fits, else the last; says so as the line `plan`.

    With `ranOut`, the changes under which the memory was not enough, one that would save nothing is passed over.
    """
    ladder = [spec | change for change in spec.get("ladder", ())]
    below = prepare(spec | spec["ranOut"], source) if spec.get("ranOut") else None
    chosen = prepare(spec, source)
    tried = [chosen]
    rung = 0
    for number, next_ in enumerate(ladder, 1):
        if fits(chosen, below):
            break
        try:
            chosen = prepare(next_, source)
        except JobError as error:
            if error.code != "E_TRAINER":  # no row is that short
                raise
            break
        tried.append(chosen)
        rung = number
    channel.send(
        "plan",
        rung=rung,
        device=chosen.device.kind,
        tried=[{"bytes": each.estimate.total, "limitBytes": each.limit} for each in tried],
        parts=asdict(chosen.estimate),
        seconds=seconds_on_cpu(chosen, source) if chosen.device.kind == "cpu" else None,
    )
    return chosen


def seconds_on_cpu(training: Training, source: Source) -> float:
    layers = linear_layers(empty_model(source.kind, source.config)).values()
    tokens = sum(len(training.rows.ids[entry]) for entry in training.plan.order)
    return training_seconds(sum(map(math.prod, layers)), tokens, training.recipe.again, training.device)


def fits(training: Training, below: Training | None) -> bool:
    saves = (
        below is None
        or training.device.kind != below.device.kind
        or training.estimate.total - training.estimate.program < below.estimate.total - below.estimate.program
    )
    return saves and training.estimate.total <= training.limit
