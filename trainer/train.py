"""The job `train`: a LoRA adapter by TRL and PEFT, from rendered prompts and completions.

Setup (base model, adapter, rows, plan), train (TRL's loop, watched), save (PEFT files and GGUF). See PROTOCOL.md.
"""

from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import set_seed

from trainer.adapter_files import write_adapter
from trainer.base_model import load_base
from trainer.course import hash_spec, resume, snapshot
from trainer.device import choose_device, memory_peak
from trainer.lora import add_adapter, trained_weights
from trainer.modules import check_trainable, choose_modules
from trainer.optimizer import MasterAdamW
from trainer.plan import make_plan
from trainer.protocol import Channel, JobError
from trainer.rows import Rows, encode_rows
from trainer.schedule import rate_factor
from trainer.sft import PlannedTrainer, make_trainer
from trainer.training_state import save_state
from trainer.watch import Watch


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Trains and writes the adapter. Raises JobError with the codes of PROTOCOL.md."""
    channel.phase("load")
    device = choose_device(spec)
    set_seed(spec["seed"])
    base = load_base(spec["model"], device, spec["quantization"])
    channel.check_stop()

    rows, held_back = (
        encode_rows(spec[name], base.tokenizer, spec["maxLength"], spec["endText"]) for name in ("rows", "heldBack")
    )
    if not rows.ids:
        raise JobError("E_TRAINER", f"All {rows.too_long} training rows are longer than {spec['maxLength']} tokens.")
    if too_long := rows.too_long + held_back.too_long:
        total = len(spec["rows"]) + len(spec["heldBack"])
        channel.notice(f"Left out, longer than {spec['maxLength']} tokens: {too_long} of {total} rows.")
    step_rows = spec["batchSize"] * spec["accumulation"]
    plan = make_plan(spec["steps"], rows.lengths, step_rows, spec["seed"], len(held_back.ids), rows.entry)
    targets = choose_modules(base.model, spec["roles"], spec["modules"], spec["rank"])
    model = add_adapter(base.model, targets, spec["rank"], spec["alpha"])
    trainer = make_trainer(model, base.tokenizer, rows, plan, spec, device)
    optimizer = MasterAdamW(trained_weights(model, device), spec["learningRate"])
    trainable = check_trainable(model, targets)
    channel.check_stop()

    folder = Path(spec["output"]) / "training"
    spec_hash = hash_spec(spec, device, targets.modules)
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
        held_back=lambda: held_back_loss(trainer, held_back),
        adapter=lambda: {name: master.detach().clone() for name, master in optimizer.masters.items()},
    )
    trainer.add_callback(watch)
    channel.phase("train")
    if start < plan.steps and not course.ended_early:
        try:
            trainer.train()
        except JobError:
            save()  # the state after the last good step: the bad one was not applied
            raise
        if course.step < plan.steps and not course.ended_early:
            raise JobError("E_STOPPED", f"Stopped after step {course.step} of {plan.steps}, which is saved.")

    channel.phase("save")
    if course.best:
        optimizer.restore(course.best, {})
        channel.notice(f"The adapter of step {course.best_step} is kept: its held-back loss is the lowest.")
    write_adapter(Path(spec["output"]), model, optimizer.masters, spec, trainer.effective())
    return {
        "device": device.name,
        "dtype": device.dtype_name,
        "threads": device.threads,
        "quantization": base.quantization,
        "modules": targets.modules,
        "trainableParameters": trainable,
        "rows": len(rows.forms),
        "steps": course.step,
        "plannedSteps": plan.steps,
        "finalLoss": course.losses[-1]["loss"],
        "losses": course.losses,
        "tokensPerSecond": watch.tokens_per_second(),
        "peakMemoryBytes": memory_peak(device.kind),
        "rowsTooLong": rows.too_long + held_back.too_long,
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
