"""Loads the base model a job works on: from a GGUF, dequantised once, or from a folder of safetensors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaForCausalLM,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from trainer.device import Device
from trainer.failures import named
from trainer.gguf_file import GgufFile
from trainer.gguf_model import config_from_gguf, weights_from_gguf
from trainer.gguf_tokenizer import tokenizer_from_gguf
from trainer.protocol import JobError
from trainer.stored_weights import check_fit, read_object, stored_shapes, weight_files

MODELS: dict[str, type[PreTrainedModel]] = {"llama": LlamaForCausalLM, "phi": PhiForCausalLM}


@dataclass(frozen=True)
class Base:
    """The base model, frozen, and its tokenizer. `quantization` is for people."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    quantization: str


def load_base(source: dict[str, str], device: Device, quantization: str = "auto") -> Base:
    """`source` is `{gguf: PATH}` or `{folder: PATH}`; `quantization` is that of the train spec, or "none".

    Raises JobError E_MODEL_FILE, E_STUDENT_UNSUITABLE, E_UNSAFE_FORMAT.
    """
    nf4 = quantization == "nf4" or (quantization == "auto" and device.kind == "cuda")
    options: dict[str, Any] = {"dtype": device.dtype}
    if nf4:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=device.dtype,
        )
    if device.kind == "cuda":
        options["device_map"] = {"": 0}
    model, tokenizer, stored = (
        _from_gguf(source["gguf"], options) if "gguf" in source else _from_folder(source["folder"], options)
    )
    model.requires_grad_(False)
    model.config.use_cache = False
    return Base(model, tokenizer, "NF4 (bitsandbytes)" if nf4 else stored)


def _from_gguf(path: str, options: dict[str, Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    file = GgufFile(path)
    config = config_from_gguf(file)
    kind = MODELS[config.model_type]
    with torch.device("meta"):
        names = [name for name, _ in kind(config).named_parameters()]
    weights = weights_from_gguf(file, config, names, options["dtype"])
    model = kind.from_pretrained(None, config=config, state_dict=weights, **options)
    kinds = {tensor.kind.name for name, tensor in file.tensors.items() if name.startswith("blk.")}
    quantized = any(kind.startswith(("Q4", "IQ4")) for kind in kinds)
    stored = "the GGUF's own 4-bit values, dequantised once" if quantized else "the GGUF's own values"
    return model, tokenizer_from_gguf(file.fields), stored


def _from_folder(folder: str, options: dict[str, Any]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    config = read_config(Path(folder))
    kind = MODELS[config["model_type"]]
    check_fit(kind, config, stored_shapes(weight_files(Path(folder))))
    shared: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with named(f"The model folder {Path(folder).name}"):
        model = kind.from_pretrained(folder, use_safetensors=True, **shared, **options)
        tokenizer = AutoTokenizer.from_pretrained(folder, **shared)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer, "none"


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a model folder, refused when it asks for code or holds no safetensors."""
    config = read_object(folder / "config.json")
    if not isinstance(kind := config.get("model_type"), str) or kind not in MODELS:
        raise JobError(
            "E_STUDENT_UNSUITABLE", f"The model in {folder.name} is of an architecture that cannot be trained yet."
        )
    if "auto_map" in config or any(key.startswith("_attn_implementation") for key in config):
        raise JobError("E_UNSAFE_FORMAT", f"The model folder {folder.name} asks to run code of its own.")
    # transformers would load the base model that such a file names, wherever it lies.
    if (folder / "adapter_config.json").exists():
        raise JobError("E_MODEL_FILE", f"The model folder {folder.name} holds an adapter, not a base model.")
    if not any(folder.glob("*.safetensors")):
        raise JobError("E_UNSAFE_FORMAT", f"The model folder {folder.name} holds no safetensors file.")
    return config
