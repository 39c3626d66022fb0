"""Whether a model can be trained in float16, tried on its longest rows before the first step.

float16 ends at 65504 and knows nothing below 0.00000006: a model may pass the one in its activations, and gradients
the other. The adapter's own weights are float32; what is tried is what flows between them.
"""

from typing import Any

from trainer.sft import PlannedTrainer, trained

POWERS = (16, 12, 8, 4, 0)  # of two, by which the loss is multiplied
ROOM = 16  # later gradients may be larger by this much


def find_scale(trainer: PlannedTrainer) -> float | None:
    """What to multiply the loss by so that gradients are neither lost nor infinite; None when nothing helps."""
    model: Any = trainer.model
    rows: Any = trainer.train_dataset
    longest = sorted(range(len(rows)), key=lambda place: -len(rows[place]["input_ids"]))
    batch = trainer.data_collator([rows[place] for place in longest[: trainer.args.per_device_train_batch_size]])
    inputs = {name: value.to(trainer.args.device) for name, value in batch.items()}
    model.train()
    for power in POWERS:
        trainer.scale = 2.0**power
        loss = trainer.compute_loss(model, inputs)
        loss.backward()
        finite = bool(loss.isfinite()) and all(bool(weight.grad.isfinite().all()) for weight in trained(model))
        model.zero_grad()
        if finite:
            return max(1.0, trainer.scale / ROOM)
    return None
