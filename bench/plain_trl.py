"""The other side of the comparison: TRL's SFTTrainer as its documentation shows it, with a LoRA of PEFT, on the CPU.

TRL's and PEFT's defaults hold for all but what both sides are given: model, rows, rows of a step, steps, learning rate,
rank, alpha, modules, seed. Where the processor only emulates bfloat16, TRL is forced to float32, which is faster there.

Reads one JSON object from stdin. Writes one a line to stdout: `ready`, `step` after each step, `result` at the end.
"""

import json
import os
import sys
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, set_peft_model_state_dict
from safetensors.torch import load_file
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from trainer.plan import make_plan
from trainer.schedule import rate_factor


class Lines:
    """Takes stdout for itself: what libraries print there goes to stderr."""

    def __init__(self) -> None:
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def send(self, type_: str, **fields: Any) -> None:
        self.out.write(json.dumps({"type": type_, **fields}) + "\n")


class StepLines(TrainerCallback):
    """Says when a step is done."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.lines.send("step", step=state.global_step)


def emulates_bfloat16() -> bool:
    able = torch.cpu.get_capabilities()
    return not (able.get("avx512_bf16") or able.get("amx_tile") or able.get("amx_bf16"))


def count_trained(model: Any) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def follow_job(trainer: SFTTrainer, adapter: str, spec: dict[str, Any]) -> None:
    """Starts from the weights our job starts from and takes its order of rows and its learning rates: what is left to
    differ is the arithmetic."""
    rows: Any = trainer.train_dataset
    lengths = [len(ids) for ids in rows["input_ids"]]
    plan = make_plan({"rule": "fixed", "count": spec["steps"]}, lengths, spec["stepRows"], spec["seed"], 0)
    trainer.train_dataset = rows.select(plan.order)
    weights = load_file(adapter)
    outcome: Any = set_peft_model_state_dict(trainer.model, weights)
    if outcome.unexpected_keys or sum(weight.numel() for weight in weights.values()) != count_trained(trainer.model):
        raise SystemExit("The first weights do not fit the adapter.")
    trainer.create_optimizer()
    optimizer: Any = trainer.optimizer
    trainer.lr_scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, plan.steps))


def main() -> None:
    lines = Lines()
    spec = json.load(sys.stdin)
    adapter = spec["sameAs"]  # the first weights of our job, or None for TRL's own course
    float32 = adapter is not None or emulates_bfloat16()
    options: dict[str, Any] = {"bf16": False} if float32 else {}
    if adapter is not None:
        options |= {"logging_steps": 1, "train_sampling_strategy": "sequential"}
    trainer = SFTTrainer(
        model=spec["model"],
        args=SFTConfig(
            output_dir=spec["output"],
            use_cpu=True,
            max_steps=spec["steps"],
            per_device_train_batch_size=spec["stepRows"],
            learning_rate=spec["learningRate"],
            seed=spec["seed"],
            **options,
        ),
        train_dataset=Dataset.from_list(spec["rows"]),
        peft_config=LoraConfig(
            r=spec["rank"],
            lora_alpha=spec["alpha"],
            target_modules=spec["modules"],
            task_type="CAUSAL_LM",
        ),
    )
    if adapter is not None:
        follow_job(trainer, adapter, spec)
    trainer.add_callback(StepLines(lines))
    dataset: Any = trainer.train_dataset
    lines.send("ready", tokens=sum(len(ids) for ids in dataset["input_ids"]), rows=len(dataset))
    trainer.train()
    losses = [point["loss"] for point in trainer.state.log_history if "loss" in point]
    lines.send(
        "result",
        dtype="float32" if float32 else "bfloat16 (autocast)",
        threads=torch.get_num_threads(),
        trainableParameters=count_trained(trainer.model),
        losses=losses,
    )


if __name__ == "__main__":
    main()
