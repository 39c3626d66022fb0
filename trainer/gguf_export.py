"""Writes a whole model as an f16 GGUF; the toy models are made with it."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from transformers import PreTrainedModel

from trainer.gguf_model import ARCHITECTURES, gguf_names, permute_rows, permuted_heads

TOKENIZER = "tokenizer."


def write_model_gguf(target: Path, model: PreTrainedModel, tokenizer_fields: dict[str, Any]) -> None:
    """`tokenizer_fields` are the `tokenizer.*` metadata of the GGUF whose tokenizer the model uses."""
    config = model.config
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(str(target), gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_name(f"toy-{config.model_type}")
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
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, value in tokenizer_fields.items():
        if name.startswith(TOKENIZER):
            _add_field(writer, name, value)
    weights = dict(model.named_parameters())
    for hf_name, name in gguf_names(config, list(weights)).items():
        values = weights[hf_name].detach().float()
        if heads := permuted_heads(config, hf_name):
            values = permute_rows(values, heads)
        # llama.cpp wants vectors in float32
        writer.add_tensor(name, values.numpy().astype(np.float16 if values.ndim > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_field(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    elif isinstance(value, list):
        writer.add_array(name, value)
