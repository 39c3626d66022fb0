"""Writes a whole model as a GGUF: the conversion of downloaded weights, and the toy models of the tests."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import quant_shape_to_byte_shape, quantize
from transformers import PreTrainedConfig

from trainer.gguf_model import ARCHITECTURES, gguf_names, permute_rows, permuted_heads

TOKENIZER = "tokenizer."
FILE_TYPES = {
    GGMLQuantizationType.F16: gguf.LlamaFileType.MOSTLY_F16,
    GGMLQuantizationType.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
    GGMLQuantizationType.Q4_1: gguf.LlamaFileType.MOSTLY_Q4_1,
}
# Tables that every token goes through; in four bits they cost more than they save, so they keep eight.
TABLES = ("token_embd.weight", "output.weight")


@dataclass(frozen=True)
class Weight:
    """One tensor of a Hugging Face model, not loaded before it is written."""

    shape: tuple[int, ...]
    load: Callable[[], torch.Tensor]


def write_model_gguf(
    target: Path,
    name: str,
    config: PreTrainedConfig,
    weights: Mapping[str, Weight],
    tokenizer_fields: dict[str, Any],
    kind: GGMLQuantizationType,
    on_tensor: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """`tokenizer_fields` are `tokenizer.*` metadata; matrices are stored as `kind`, one in memory at a time.

    `on_tensor` gets the tensors written and those in all. The file is on the disk when the call returns.
    """
    writer = gguf.GGUFWriter(str(target), gguf.MODEL_ARCH_NAMES[ARCHITECTURES[config.model_type]])
    writer.add_name(name)
    add_shape(writer, config)
    writer.add_file_type(FILE_TYPES[kind])
    for key, value in tokenizer_fields.items():
        if key.startswith(TOKENIZER):
            _add_field(writer, key, value)
    names = gguf_names(config, list(weights))
    kinds = {hf_name: stored_kind(stored, weights[hf_name].shape, kind) for hf_name, stored in names.items()}
    for hf_name, stored in names.items():
        shape, as_kind = weights[hf_name].shape, kinds[hf_name]
        size = int(np.prod(quant_shape_to_byte_shape(shape, as_kind)))
        writer.add_tensor_info(stored, shape, np.dtype(np.float32), size, raw_dtype=as_kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for done, hf_name in enumerate(names, 1):
        values = weights[hf_name].load().detach().float()
        if heads := permuted_heads(config, hf_name):
            values = permute_rows(values, heads)
        writer.write_tensor_data(quantize(values.contiguous().numpy(), kinds[hf_name]))
        on_tensor(done, len(names))
    writer.close()
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def stored_kind(name: str, shape: tuple[int, ...], kind: GGMLQuantizationType) -> GGMLQuantizationType:
    """llama.cpp wants vectors in float32; a row that is no whole number of blocks stays in float16."""
    if len(shape) == 1:
        return GGMLQuantizationType.F32
    if name in TABLES and kind == GGMLQuantizationType.Q4_1:
        kind = GGMLQuantizationType.Q8_0
    return kind if shape[-1] % GGML_QUANT_SIZES[kind][0] == 0 else GGMLQuantizationType.F16


def add_shape(writer: gguf.GGUFWriter, config: PreTrainedConfig) -> None:
    """What llama.cpp has to know to compute with the model."""
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_vocab_size(config.vocab_size)
    width = config.hidden_size // config.num_attention_heads
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(int(width * config.rope_parameters.get("partial_rotary_factor", 1.0)))
    if config.model_type == "llama":
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    else:
        writer.add_layer_norm_eps(config.layer_norm_eps)


def _add_field(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    elif isinstance(value, list):
        writer.add_array(name, value)
