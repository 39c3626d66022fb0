"""A GGUF's weights and settings as Hugging Face ones, dequantised once."""

from dataclasses import dataclass
from typing import Any

import gguf
import torch
from transformers import LlamaConfig, PhiConfig, PreTrainedConfig

from trainer.gguf_file import GgufFile
from trainer.protocol import JobError

# Hugging Face's model type -> GGUF's architecture.
ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA, "phi": gguf.MODEL_ARCH.PHI2}


def config_from_gguf(file: GgufFile) -> PreTrainedConfig:
    """Raises JobError E_STUDENT_UNSUITABLE for an architecture that cannot be trained here."""
    fields = file.fields
    architecture = fields.get("general.architecture")
    if architecture not in ("llama", "phi2"):
        raise JobError("E_STUDENT_UNSUITABLE", f"Models of the architecture {architecture} cannot be trained yet.")

    def get(key: str, default: Any = None) -> Any:
        return fields.get(f"{architecture}.{key}", default)

    if "token_embd.weight" not in file.tensors:
        raise JobError("E_MODEL_FILE", "The model file lacks the tensor token_embd.weight.")
    heads = get("attention.head_count")
    shared: dict[str, Any] = {
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "hidden_size": get("embedding_length"),
        "intermediate_size": get("feed_forward_length"),
        "num_hidden_layers": get("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": get("attention.head_count_kv", heads),
        "max_position_embeddings": get("context_length"),
        "bos_token_id": fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": fields.get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id"),
        "tie_word_embeddings": "output.weight" not in file.tensors,
    }
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": float(get("rope.freq_base", 10000.0))}
    if get("rope.scaling.type", "none") != "none":
        raise JobError("E_STUDENT_UNSUITABLE", "Models with scaled rotary positions cannot be trained yet.")
    if architecture == "llama":
        return LlamaConfig(**shared, rope_parameters=rope, rms_norm_eps=get("attention.layer_norm_rms_epsilon"))
    rope["partial_rotary_factor"] = get("rope.dimension_count") * heads / get("embedding_length")
    return PhiConfig(**shared, rope_parameters=rope, layer_norm_eps=get("attention.layer_norm_epsilon"))


def gguf_names(config: PreTrainedConfig, hf_names: list[str]) -> dict[str, str]:
    """GGUF's name of every parameter of the Hugging Face model."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[config.model_type], config.num_hidden_layers)
    found = {name: names.get_name(name, try_suffixes=(".weight", ".bias")) for name in hf_names}
    return {name: mapped for name, mapped in found.items() if mapped}


def permuted_heads(config: PreTrainedConfig, hf_name: str) -> int:
    """Heads whose rows a GGUF holds in another order than Hugging Face: q and k of the llama architecture, else 0."""
    if config.model_type != "llama":
        return 0
    if ".q_proj." in hf_name:
        return config.num_attention_heads
    return config.num_key_value_heads if ".k_proj." in hf_name else 0


def permute_rows(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Hugging Face's order of rotary rows to the GGUF's."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def unpermute_rows(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The inverse of `permute_rows`."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


@dataclass(frozen=True)
class StoredWeight:
    """One weight, read from the file when transformers gets to it: it slices whatever a state dict holds.

    So a model that is packed while it loads never lies unpacked in memory as a whole.
    """

    file: GgufFile
    name: str
    part: int | None  # q, k or v of a fused tensor
    heads: int  # of the rotary rows to put in order; 0 for none

    def __getitem__(self, _: Any) -> torch.Tensor:
        values = torch.from_numpy(self.file.array(self.name))
        if self.part is not None:
            values = values.chunk(3)[self.part]
        return (unpermute_rows(values, self.heads) if self.heads else values).contiguous()


def weights_from_gguf(file: GgufFile, config: PreTrainedConfig, hf_names: list[str]) -> dict[str, Any]:
    """The state dict, in float32. Raises JobError E_MODEL_FILE when a tensor is missing."""
    return {
        hf_name: StoredWeight(file, *_place(file, name), permuted_heads(config, hf_name))
        for hf_name, name in gguf_names(config, hf_names).items()
    }


def _place(file: GgufFile, name: str) -> tuple[str, int | None]:
    """Where a tensor lies; q, k and v are cut out of a fused `attn_qkv`, as some Phi-2 files have it."""
    if name in file.tensors:
        return name, None
    for part, stem in enumerate(("attn_q.", "attn_k.", "attn_v.")):
        fused = name.replace(stem, "attn_qkv.")
        if stem in name and fused in file.tensors:
            return fused, part
    raise JobError("E_MODEL_FILE", f"The model file lacks the tensor {name}.")
