"""The job `train`: a LoRA adapter by TRL and PEFT, from rendered prompts and completions.

Setup (base model, adapter, rows, plan), train (TRL's loop, watched), save (PEFT files and GGUF). See PROTOCOL.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.optim.lr_scheduler import LambdaLR
from transformers import set_seed

from trainer.adapter_files import write_adapter
from trainer.base_model import Source, open_base
from trainer.course import Optimizer, hash_spec, resume, snapshot
from trainer.device import cap_memory, memory_peak, restart_peak
from trainer.float16 import find_scale
from trainer.host_embedding import keep_embeddings
from trainer.lora import add_adapter, trained_weights
from trainer.modules import check_trainable
from trainer.optimizer import MasterAdamW
from trainer.paged_optimizer import MasterPagedAdamW
from trainer.preflight import Training, choose_rung
from trainer.protocol import Channel, JobError
from trainer.rows import Rows
from trainer.schedule import rate_factor
from trainer.sft import PlannedTrainer, make_trainer
from trainer.training_state import save_state
from trainer.watch import Watch

SHOWN = 5  # names of rows in one sentence


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


@dataclass(frozen=True)
class Loaded:
    """A training with its model in memory. `quantization` is for people."""

    training: Training
    model: PeftModel
    trainer: PlannedTrainer
    optimizer: Optimizer
    trainable: int
    quantization: str


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Trains and writes the adapter. Raises JobError with the codes of PROTOCOL.md."""
    channel.phase("load")
    source = open_base(spec["model"])
    loaded = load(spec, source, channel)
    if loaded is None:
        channel.notice("This model passes the largest number of float16; it is trained in float32.")
        torch.cuda.empty_cache()
        loaded = load(spec | {"dtype": "float32"}, source, channel)
    assert loaded, "only float16 is given up"
    return train(loaded, channel)


def load(spec: dict[str, Any], source: Source, channel: Channel) -> Loaded | None:
    """None when float16 was chosen by the job itself and does not do for this model."""
    by_itself = (spec.get("dtype") or "auto") == "auto"
    training = choose_rung(spec, source, channel)
    spec, device, targets = training.spec, training.device, training.targets
    say_left_out(training, channel)
    channel.check_stop()
    cap_memory(device.kind, training.limit)
    set_seed(spec["seed"])
    base = source.load(device, spec["quantization"])
    restart_peak(device.kind)
    if training.recipe.embeddings_on_cpu:
        keep_embeddings(base.model)
    channel.check_stop()
    model = add_adapter(base.model, targets, spec["rank"], spec["alpha"])
    trainer = make_trainer(model, base.tokenizer, training)
    make = MasterPagedAdamW if training.recipe.optimizer == "paged8bit" else MasterAdamW
    optimizer = make(trained_weights(model, device), spec["learningRate"])
    trainable = check_trainable(model, targets)
    if device.dtype == torch.float16:
        scale = find_scale(trainer)
        if scale is None and by_itself:
            return None
        if scale is None:
            raise JobError("E_LOSS_NAN", "This model passes the largest number of float16 before the first step.")
        trainer.scale = scale
    channel.check_stop()
    return Loaded(training, model, trainer, optimizer, trainable, base.quantization)


def say_left_out(training: Training, channel: Channel) -> None:
    spec = training.spec
    names = left_out(training)
    if names:
        total = len(spec["rows"]) + len(spec["heldBack"])
        shown = "; ".join(names[:SHOWN]) + (f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        channel.notice(f"Left out, longer than {spec['maxLength']} tokens: {len(names)} of {total} rows: {shown}")


def left_out(training: Training) -> list[str]:
    """The names of the rows that are too long, held-back ones last; a row without one goes by its number."""
    spec = training.spec
    parts = ((spec["rows"], training.rows, "row"), (spec["heldBack"], training.held_back, "held-back row"))
    return [given[place].get("name", f"{word} {place + 1}") for given, rows, word in parts for place in rows.left_out]


def train(loaded: Loaded, channel: Channel) -> dict[str, Any]:
    training, trainer, optimizer = loaded.training, loaded.trainer, loaded.optimizer
    spec, device, plan, rows = training.spec, training.device, training.plan, training.rows
    names = left_out(training)
    folder = Path(spec["output"]) / "training"
    spec_hash = hash_spec(spec, device, training.targets.modules)
    course = resume(folder, spec_hash, optimizer, channel, exact=device.kind == "cpu")
    start = course.step
    trainer.begin_at(start, optimizer, LambdaLR(optimizer, lambda step: rate_factor(start + step, plan.steps)))

    def save() -> None:
        save_state(folder, snapshot(course, optimizer), spec_hash)

    watch = Watch(
        channel,
        trainer,
        course,
        device=device.kind,
        learning_rate=spec["learningRate"],
        save_seconds=spec["saveSeconds"],
        save=save,
        held_back=lambda: held_back_loss(trainer, training.held_back),
        adapter=lambda: {name: master.detach().to("cpu", copy=True) for name, master in optimizer.masters.items()},
    )
    trainer.add_callback(watch)
    channel.phase("train")
    if start < plan.steps and not course.ended_early:
        try:
            trainer.train()
        except JobError:
            watch.keep()  # the state after the last good step: the one in progress was not applied
            raise

    channel.phase("save")
    if course.best:
        optimizer.restore(course.best, {})
        channel.notice(f"The adapter of step {course.best_step} is kept: its held-back loss is the lowest.")
    write_adapter(Path(spec["output"]), loaded.model, optimizer.masters, spec, trainer.effective())
    return {
        "device": device.name,
        "dtype": device.dtype_name,
        "threads": device.threads,
        "quantization": loaded.quantization,
        "modules": training.targets.modules,
        "trainableParameters": loaded.trainable,
        "rows": len(rows.forms),
        "steps": course.step,
        "plannedSteps": plan.steps,
        "finalLoss": course.losses[-1]["loss"],
        "losses": course.losses,
        "tokensPerSecond": watch.tokens_per_second(),
        "peakMemoryBytes": memory_peak(device.kind),
        "estimatedMemoryBytes": training.estimate.total,
        "rowsTooLong": len(names),
        "leftOut": names,
        "exactResume": course.exact,
    }


@torch.no_grad()
def held_back_loss(trainer: PlannedTrainer, rows: Rows) -> float:
    """Mean negative log-likelihood over the answer tokens of the held-back rows."""
    model: Any = trainer.model
    size = trainer.args.per_device_train_batch_size
    model.eval()
    total, count = 0.0, 0
    for start in range(0, len(rows.ids), size):
        span = slice(start, start + size)
        batch = [
            {"input_ids": ids, "labels": labels} for ids, labels in zip(rows.ids[span], rows.labels[span], strict=True)
        ]
        inputs = {name: value.to(model.device) for name, value in trainer.data_collator(batch).items()}
        total += float(trainer.compute_loss(model, inputs, num_items_in_batch=1))
        count += rows.answer_tokens(span)
    model.train()
    return total / count
