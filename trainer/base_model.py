"""Loads the base model a job works on: from a GGUF, dequantised once, or from a folder of safetensors."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaForCausalLM,
    PhiForCausalLM,
    PreTrainedConfig,
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


@dataclass(frozen=True)
class Source:
    """What is known of a model before its weights are read, which `read` does with from_pretrained's options."""

    config: PreTrainedConfig
    tokenizer: PreTrainedTokenizerBase
    read: Callable[[dict[str, Any]], tuple[PreTrainedModel, str]]

    @property
    def kind(self) -> type[PreTrainedModel]:
        return MODELS[self.config.model_type]

    def load(self, device: Device, quantization: str) -> Base:
        """`quantization` is that of the train spec, or "none". Raises JobError E_MODEL_FILE."""
        options: dict[str, Any] = {"dtype": device.dtype}
        nf4 = is_nf4(quantization, device)
        if nf4:
            options["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=device.dtype,
            )
        if device.kind == "cuda":
            options["device_map"] = {"": 0}
        model, stored = self.read(options)
        model.requires_grad_(False)
        model.config.use_cache = False
        return Base(model, self.tokenizer, "NF4 (bitsandbytes)" if nf4 else stored)


def is_nf4(quantization: str, device: Device) -> bool:
    """Whether the linear layers are held in NF4."""
    return quantization == "nf4" or (quantization == "auto" and device.kind == "cuda")


def open_base(source: dict[str, str]) -> Source:
    """`source` is `{gguf: PATH}` or `{folder: PATH}`.

    Raises JobError E_MODEL_FILE, E_STUDENT_UNSUITABLE, E_UNSAFE_FORMAT.
    """
    return _from_gguf(source["gguf"]) if "gguf" in source else _from_folder(source["folder"])


def load_base(source: dict[str, str], device: Device, quantization: str = "auto") -> Base:
    """Both at once."""
    return open_base(source).load(device, quantization)


def _from_gguf(path: str) -> Source:
    file = GgufFile(path)
    config = config_from_gguf(file)
    kind = MODELS[config.model_type]

    def read(options: dict[str, Any]) -> tuple[PreTrainedModel, str]:
        with torch.device("meta"):
            names = [name for name, _ in kind(config).named_parameters()]
        weights = weights_from_gguf(file, config, names)
        model = kind.from_pretrained(None, config=config, state_dict=weights, **options)
        kinds = {tensor.kind.name for name, tensor in file.tensors.items() if name.startswith("blk.")}
        quantized = any(kind.startswith(("Q4", "IQ4")) for kind in kinds)
        return model, "the GGUF's own 4-bit values, dequantised once" if quantized else "the GGUF's own values"

    return Source(config, tokenizer_from_gguf(file.fields), read)


def _from_folder(folder: str) -> Source:
    stored = read_config(Path(folder))
    kind = MODELS[stored["model_type"]]
    check_fit(kind, stored, stored_shapes(weight_files(Path(folder))))
    shared: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    name = f"The model folder {Path(folder).name}"
    with named(name):
        config = AutoConfig.from_pretrained(folder, **shared)
        tokenizer = AutoTokenizer.from_pretrained(folder, **shared)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token

    def read(options: dict[str, Any]) -> tuple[PreTrainedModel, str]:
        with named(name):
            return kind.from_pretrained(folder, use_safetensors=True, **shared, **options), "none"

    return Source(config, tokenizer, read)


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
