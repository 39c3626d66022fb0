"""The other side of the comparison: TRL's SFTTrainer as its documentation shows it, with a LoRA of PEFT.

TRL's and PEFT's defaults hold for all but what both sides are given: model, rows, rows of a step, steps, learning rate,
rank, alpha, modules, seed, device, rows at once and whether the model is held in NF4 (with double quantisation). Where
no type is given and the processor only emulates bfloat16, TRL is forced to float32, which is faster there; on a GPU
without it to float16.

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
from transformers import BitsAndBytesConfig, TrainerCallback
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
    """Says when a step is done. A GPU may still be at work on it, except on the last."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if torch.cuda.is_available() and state.global_step == state.max_steps:
            torch.cuda.synchronize()
        self.lines.send("step", step=state.global_step)


def emulates_bfloat16() -> bool:
    able = torch.cpu.get_capabilities()
    return not (able.get("avx512_bf16") or able.get("amx_tile") or able.get("amx_bf16"))


def mixed_precision(device: str, wanted: str | None) -> tuple[str, dict[str, bool]]:
    """The type TRL computes in, and the options that differ from its own choice, which is bfloat16."""
    if device == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("bfloat16", {}) if able else ("float16", {"bf16": False, "fp16": True})
    if (wanted or ("float32" if emulates_bfloat16() else "bfloat16")) == "float32":
        return "float32", {"bf16": False}
    return "bfloat16", {"bf16": True}


def count_trained(model: Any) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def follow_job(trainer: SFTTrainer, adapter: str, spec: dict[str, Any]) -> None:
    """Starts from the weights our job starts from and takes its order of rows and its learning rates: what is left to
    differ is the arithmetic."""
    rows: Any = trainer.train_dataset
    lengths = [len(ids) for ids in rows["input_ids"]]
    plan = make_plan(
        {"rule": "fixed", "count": spec["steps"]},
        lengths,
        spec["stepRows"],
        spec["seed"],
        0,
    )
    trainer.train_dataset = rows.select(plan.order)
    weights = load_file(adapter)
    outcome: Any = set_peft_model_state_dict(trainer.model, weights)
    if outcome.unexpected_keys or sum(weight.numel() for weight in weights.values()) != count_trained(trainer.model):
        raise SystemExit("The first weights do not fit the adapter.")
    trainer.create_optimizer()
    optimizer: Any = trainer.optimizer
    trainer.lr_scheduler = LambdaLR(optimizer, lambda step: rate_factor(step, plan.steps))


def nf4(dtype: str) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def main() -> None:
    lines = Lines()
    spec = json.load(sys.stdin)
    adapter = spec["sameAs"]  # the first weights of our job, or None for TRL's own course
    dtype, precision = mixed_precision(spec["device"], spec["dtype"])
    options: dict[str, Any] = dict(precision)
    if adapter is not None:
        options |= {"logging_steps": 1, "train_sampling_strategy": "sequential"}
    trainer = SFTTrainer(
        model=spec["model"],
        args=SFTConfig(
            output_dir=spec["output"],
            use_cpu=spec["device"] == "cpu",
            max_steps=spec["steps"],
            per_device_train_batch_size=spec["rowsAtOnce"],
            gradient_accumulation_steps=spec["stepRows"] // spec["rowsAtOnce"],
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
        quantization_config=nf4(dtype) if spec["nf4"] else None,
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
        dtype=dtype if dtype == "float32" else f"{dtype} (autocast)",
        threads=torch.get_num_threads(),
        trainableParameters=count_trained(trainer.model),
        losses=losses,
    )


if __name__ == "__main__":
    main()
