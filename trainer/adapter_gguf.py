"""Writes a LoRA adapter as the GGUF that llama.cpp loads beside the base model."""

import os
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import PreTrainedConfig

from trainer.gguf_model import ARCHITECTURES, gguf_names, permute_rows, permuted_heads

PREFIX = "base_model.model."


def write_adapter_gguf(
    target: Path, weights: dict[str, torch.Tensor], config: PreTrainedConfig, alpha: float, base_name: str
) -> None:
    """`weights` are PEFT's, named `base_model.model.MODULE.lora_A.weight`. Written aside, then put in place.

    llama.cpp multiplies by alpha / rank as PEFT does. Rows of B of a llama's q and k go into the order that the
    base conversion gave the rows of q and k; A is untouched.
    """
    aside = target.with_name(f"{target.name}.part")
    writer = gguf.GGUFWriter(str(aside), gguf.MODEL_ARCH_NAMES[ARCHITECTURES[config.model_type]])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(alpha))
    writer.add_name(f"LoRA adapter of {base_name}")
    modules = sorted({name.removeprefix(PREFIX).rsplit(".lora_", 1)[0] for name in weights})
    names = gguf_names(config, [f"{module}.weight" for module in modules])
    for module in modules:
        base = names[f"{module}.weight"]
        a = weights[f"{PREFIX}{module}.lora_A.weight"].float()
        b = weights[f"{PREFIX}{module}.lora_B.weight"].float()
        if heads := permuted_heads(config, f"{module}.weight"):
            b = permute_rows(b, heads)
        writer.add_tensor(f"{base}.lora_a", np.ascontiguousarray(a.numpy()))
        writer.add_tensor(f"{base}.lora_b", np.ascontiguousarray(b.numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    aside.replace(target)
