"""The adapter on the base model: PEFT's LoRA without dropout."""

from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from trainer.device import Device
from trainer.modules import Targets


def add_adapter(model: PreTrainedModel, targets: Targets, rank: int, alpha: int) -> PeftModel:
    """PEFT's `prepare_model_for_kbit_training` is left out: it would hold embeddings and head in float32."""
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        target_modules=targets.modules,
    )
    tuned: Any = get_peft_model(model, config)
    return tuned


def trained_dtype(device: Device) -> torch.dtype:
    """bfloat16 on a CPU that computes in it, for speed (the optimizer holds float32 copies), float32 elsewhere."""
    return torch.bfloat16 if device.kind == "cpu" and device.dtype == torch.bfloat16 else torch.float32


def trained_weights(model: PeftModel, device: Device) -> dict[str, torch.nn.Parameter]:
    """The adapter's weights by name, in their type whatever TRL made of them (it casts adapters of 4-bit models)."""
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    for weight in weights.values():
        weight.data = weight.data.to(trained_dtype(device))
    return weights
