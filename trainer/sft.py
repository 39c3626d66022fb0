"""TRL's SFTTrainer with a planned row order, a stop before a bad step, and training checkpoints without pickle."""

import math
import sys
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import Sampler
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from trainer.device import Device
from trainer.fast_lora import use_fast_lora
from trainer.head_loss import HeadLoss
from trainer.plan import Plan, micro_batch
from trainer.protocol import JobError
from trainer.rows import IGNORED, Rows
from trainer.shared_prefix import join_rows, use_shared_prefix


class PlannedOrder(Sampler[int]):
    """Rows in the plan's order: the whole training is one pass over this sampler."""

    def __init__(self, order: list[int]) -> None:
        self.order = order

    def __iter__(self):
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


CPU_TOKENS = 2048  # computed at once on the CPU with a small model
LARGE_MODEL = 10**9  # parameters from which a quarter of that is enough for full speed
ROOMY_GPU_BYTES = 16 * 2**30  # free memory from which a GPU computes a whole step at once


class PlannedTrainer(SFTTrainer):
    """Trains by a plan. Set `plan` before `train`; the first `start_step` steps of it are done already."""

    plan: Plan
    start_step: int = 0
    step_loss: float = 0.0  # of the step in progress, summed over its micro-batches
    tokens_seen: int = 0

    def begin_at(self, start: int, optimizer: Optimizer, schedule: LRScheduler) -> None:
        """Leaves out the first `start` steps of the plan."""
        self.start_step = start
        self.args.max_steps = max(1, self.plan.steps - start)
        self.optimizer, self.lr_scheduler = optimizer, schedule

    def _get_train_sampler(self, train_dataset: Any = None) -> PlannedOrder:
        return PlannedOrder(self.plan.order[self.start_step * self.plan.step_rows :])

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Mean negative log-likelihood over the answer tokens of the whole step."""
        if inputs["input_ids"].device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        total, count = answer_loss(model, inputs)
        return total / (count if num_items_in_batch is None else num_items_in_batch)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        self.tokens_seen += int(inputs["attention_mask"].sum())
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.step_loss += float(loss)
        self._check(self.step_loss, "loss")
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm: Any = super()._clip_grad_norm(model)
        self._check(float(norm), "gradient")
        return norm

    def effective(self) -> dict[str, Any]:
        """What was in force beside the spec."""
        return {
            "microBatch": self.args.per_device_train_batch_size,
            "accumulation": self.args.gradient_accumulation_steps,
            "gradientCheckpointing": bool(self.args.gradient_checkpointing),
            "plannedSteps": self.plan.steps,
            "schedule": "at most 5 steps of warm-up, then linear to 0",
            "optimizer": "AdamW, no weight decay, gradient norm at most 1",
            "loss": "mean over the answer tokens of a step",
        }

    def _check(self, value: float, what: str) -> None:
        """Raises JobError E_LOSS_NAN: the optimizer has not stepped yet."""
        if math.isfinite(value):
            return
        step = self.start_step + self.state.global_step
        raise JobError(
            "E_LOSS_NAN",
            f"The {what} of step {step + 1} is {value} at learning rate {self._get_learning_rate():.3g}; "
            f"step {step} is the last good one.",
        )


def make_trainer(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Rows,
    plan: Plan,
    spec: dict[str, Any],
    device: Device,
) -> PlannedTrainer:
    """TRL's trainer over rows that are token ids already, so that it cuts none. On the CPU the model's attention and
    LoRA layers are replaced by faster ones."""
    limit = CPU_TOKENS if sum(weight.numel() for weight in model.parameters()) < LARGE_MODEL else CPU_TOKENS // 4
    whole = device.kind == "cpu" or torch.cuda.mem_get_info()[0] > ROOMY_GPU_BYTES
    at_most = spec.get("microBatch") or (plan.step_rows if whole else spec["batchSize"])
    size = micro_batch(plan.step_rows, max(map(len, rows.ids)), limit if whole else sys.maxsize, at_most)
    arguments = SFTConfig(
        output_dir=spec["output"],
        per_device_train_batch_size=size,
        gradient_accumulation_steps=plan.step_rows // size,
        max_steps=plan.steps,
        max_length=None,
        max_grad_norm=1.0,
        seed=spec["seed"],
        bf16=False,
        fp16=False,
        use_cpu=device.kind == "cpu",
        gradient_checkpointing=bool(spec.get("gradientCheckpointing")),
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_strategy="no",
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = PlannedTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"input_ids": rows.ids, "labels": rows.labels}),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.plan = plan
    if device.kind == "cpu":
        use_shared_prefix(model.get_base_model())
        use_fast_lora(model)
    return trainer


def answer_loss(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed negative log-likelihood of the answer tokens and their number, on the CPU. `model` is a PEFT model
    whose base attends by `shared_prefix`."""
    base = model.get_base_model()
    joined = join_rows(inputs["input_ids"], inputs["labels"])
    layout = joined.layout
    output = base.base_model(input_ids=joined.ids, position_ids=joined.positions, use_cache=False, layout=layout)
    rows = output.last_hidden_state[0, layout.prefix :].view(layout.rows, layout.length, -1)
    labels = joined.labels[:, 1:]
    counted = labels != IGNORED
    head = base.get_output_embeddings()
    total: Any = HeadLoss.apply(rows[:, :-1][counted], head.weight, head.bias, labels[counted])
    return total, counted.sum()
