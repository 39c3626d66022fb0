"""TRL's SFTTrainer with a planned row order, a stop before a bad step, and training checkpoints without pickle."""

import math
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

from trainer.answer_loss import joined_loss, padded_loss
from trainer.causal_attention import use_causal_attention
from trainer.fast_lora import use_fast_lora
from trainer.lora import trained_dtype
from trainer.plan import Plan
from trainer.preflight import Training
from trainer.protocol import JobError
from trainer.shared_prefix import use_shared_prefix


class PlannedOrder(Sampler[int]):
    """Rows in the plan's order: the whole training is one pass over this sampler."""

    def __init__(self, order: list[int]) -> None:
        self.order = order

    def __iter__(self):
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


class PlannedTrainer(SFTTrainer):
    """Trains by a plan. Set `plan` before `train`; the first `start_step` steps of it are done already."""

    plan: Plan
    start_step: int = 0
    step_loss: float = 0.0  # of the step in progress, summed over its micro-batches
    tokens_seen: int = 0
    states: str = "float32"  # of the optimizer, for people
    scale: float = 1.0  # of the loss while gradients are computed, so that float16 holds the small ones too

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
        total, count = (joined_loss if inputs["input_ids"].device.type == "cpu" else padded_loss)(model, inputs)
        mean = total / (count if num_items_in_batch is None else num_items_in_batch)
        return mean * self.scale if model.training else mean

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        self.tokens_seen += int(inputs["attention_mask"].sum())
        loss = super().training_step(model, inputs, num_items_in_batch) / self.scale
        self.step_loss += float(loss)
        self._check(self.step_loss, "loss")
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        if self.scale != 1:
            for weight in trained(model):
                weight.grad.div_(self.scale)
        norm: Any = super()._clip_grad_norm(model)
        self._check(float(norm), "gradient")
        return norm

    def effective(self) -> dict[str, Any]:
        """What was in force beside the spec."""
        return {
            "microBatch": self.args.per_device_train_batch_size,
            "accumulation": self.args.gradient_accumulation_steps,
            "gradientCheckpointing": bool(self.args.gradient_checkpointing),
            "lossScale": self.scale,
            "plannedSteps": self.plan.steps,
            "schedule": "at most 5 steps of warm-up, then linear to 0",
            "optimizer": f"AdamW with {self.states} states, no weight decay, gradient norm at most 1",
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


def trained(model: Any) -> list[Any]:
    """The weights that get a gradient, which all have one after a backward pass."""
    return [weight for weight in model.parameters() if weight.requires_grad]


def make_trainer(model: PeftModel, tokenizer: PreTrainedTokenizerBase, training: Training) -> PlannedTrainer:
    """TRL's trainer over rows that are token ids already, so that it cuts none. On the CPU the model's attention and
    LoRA layers are replaced by faster ones."""
    spec, device, plan, rows = training.spec, training.device, training.plan, training.rows
    size = training.batch.rows
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
        gradient_checkpointing=training.recipe.again,
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
    trainer.states = "paged 8-bit" if training.recipe.optimizer == "paged8bit" else "float32"
    if device.kind == "cpu":
        use_shared_prefix(model.get_base_model())
        if trained_dtype(device) == device.dtype:
            use_fast_lora(model)
    else:
        use_causal_attention(model.get_base_model())
    return trainer
