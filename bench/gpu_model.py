"""What the measurement on a GPU works on, without a network: a model of Phi-2's exact shape with random weights, and rows.

Usage: gpu_model.py                               prints what GPU there is, as JSON
       gpu_model.py GGUF FOLDER SHAPE TOKENS...   SHAPE is phi-2 or tiny; prints {TOKENS: [row, ...]}, a row of that length
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import PhiConfig, PhiForCausalLM

from trainer.gguf_file import GgufFile
from trainer.gguf_tokenizer import tokenizer_from_gguf

END = "<|im_end|>"
# microsoft/phi-2, config.json
PHI_2: dict[str, Any] = {
    "vocab_size": 51200,
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
SHAPES = {
    "phi-2": PHI_2,
    "tiny": PHI_2 | {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4},
}


def describe_gpu() -> dict[str, Any]:
    """`card` is null without one."""
    if not torch.cuda.is_available():
        return {"card": None}
    card = torch.cuda.get_device_properties(0)
    return {
        "card": card.name,
        "memoryBytes": card.total_memory,
        "cuda": torch.version.cuda,
        "bfloat16": torch.cuda.is_bf16_supported(including_emulation=False),
    }


def write_model(folder: Path, shape: str) -> None:
    """Float16, drawn small enough that 32 layers stay within it."""
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.4}
    config = PhiConfig(**SHAPES[shape], max_position_embeddings=2048, tie_word_embeddings=False, rope_parameters=rope)
    with torch.device("meta"):
        model = PhiForCausalLM(config)
    model = model.to(torch.float16).to_empty(device="cpu")
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "norm" in name:
            weight.data.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            weight.data.uniform_(-0.03, 0.03)
    model.save_pretrained(folder)


def rows_of(tokenizer: Any, tokens: int) -> list[dict[str, str]]:
    """Rows of exactly so many tokens, half of them answer."""
    prompt = "why" + " and" * (tokens // 2 - 1)
    rows = []
    for word in (" one", " two", " red", " blue"):
        missing = tokens - len(tokenizer(prompt + f"\n{END}", add_special_tokens=False)["input_ids"])
        rows.append({"prompt": prompt, "completion": word * missing + f"\n{END}"})
    return rows


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(describe_gpu()))
        sys.exit()
    gguf, folder, shape, *lengths = sys.argv[1:]
    tokenizer = tokenizer_from_gguf(GgufFile(gguf).fields)
    write_model(Path(folder), shape)
    tokenizer.save_pretrained(folder)
    print(json.dumps({length: rows_of(tokenizer, int(length)) for length in lengths}))
