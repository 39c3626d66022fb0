"""The job `toy`: a random tiny model of a real architecture, as a Hugging Face folder and as an f16 GGUF.

Phi-2 is not to be had on a bare machine, and a 135M model is too slow for tests: both are stood in for by these.
"""

from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType
from transformers import LlamaConfig, LlamaForCausalLM, PhiConfig, PhiForCausalLM, PreTrainedModel

from trainer.gguf_export import Weight, write_model_gguf
from trainer.gguf_file import GgufFile
from trainer.gguf_tokenizer import tokenizer_from_gguf
from trainer.protocol import Channel, JobError

SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 2048,
}
SPREAD = 0.2  # of the random weights: wide enough that the best two tokens seldom tie


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Raises JobError E_MODEL_FILE for a tokenizer that cannot be read, E_TRAINER for an unknown kind."""
    channel.phase("write")
    file = GgufFile(spec["tokenizerGguf"])
    tokenizer = tokenizer_from_gguf(file.fields)
    end: Any = tokenizer.eos_token_id
    model = random_model(spec["kind"], len(tokenizer), end, spec["seed"])
    folder = Path(spec["output"])
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    weights = {name: Weight(tuple(each.shape), each.clone) for name, each in model.named_parameters()}
    write_model_gguf(
        folder / "model.gguf", f"toy-{spec['kind']}", model.config, weights, file.fields, GGMLQuantizationType.F16
    )
    return {"parameters": sum(weight.numel() for weight in model.parameters())}


def random_model(kind: str, vocabulary: int, end_token: int, seed: int) -> PreTrainedModel:
    """Float32 weights that are exact in float16: the folder and the GGUF hold the same numbers."""
    shared: dict[str, Any] = SHAPE | {"vocab_size": vocabulary, "bos_token_id": end_token, "eos_token_id": end_token}
    shared |= {"pad_token_id": end_token, "initializer_range": SPREAD}
    torch.manual_seed(seed)
    if kind == "phi":
        rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
        model: PreTrainedModel = PhiForCausalLM(PhiConfig(**shared, rope_parameters=rope))
    elif kind == "llama":
        rope = {"rope_type": "default", "rope_theta": 10000.0}
        model = LlamaForCausalLM(LlamaConfig(**shared, num_key_value_heads=2, rope_parameters=rope))
    else:
        raise JobError("E_TRAINER", f"There is no toy model of the kind {kind}.")
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half().float())
    return model
