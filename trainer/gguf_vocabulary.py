"""A Hugging Face tokenizer's vocabulary as the `tokenizer.*` metadata of a GGUF; the way back of gguf_tokenizer.py."""

import json
from typing import Any

from gguf import TokenType
from transformers import PreTrainedTokenizerBase

from trainer.gguf_tokenizer import SPLITTERS, tokenizer_from_gguf
from trainer.protocol import JobError

# The names under which llama.cpp knows a way of splitting are not in a tokenizer.json. llama.cpp's own converter tells
# them by the ids of a text; this text tells our four apart, and whatever differs from all of them.
TELLING = (
    "Pods don't restart, they're REPLACED: see `kubectl get po -n web`.\n\n\n  apiVersion: apps/v1\n\treplicas: 3"
    " 12345 0.25 v1.28 1e10 3rd\r\n\r\n    if (a<=b && c!=d) { return f(x)[0]; } // 100%  \n \n"
    "<|im_start|>user\nÄpfel, naïve, Ωmega, Привет, 你好, こんにちは 🙂🚀 ''' \"\"\" ____ ---- ....   "
)


def vocabulary_fields(tokenizer: PreTrainedTokenizerBase, size: int, likely: str) -> dict[str, Any]:
    """`size` is the model's own number of tokens; `likely` is the name of the splitter to try first.

    Raises JobError E_STUDENT_UNSUITABLE for a tokenizer that llama.cpp would read otherwise.
    """
    shared = plain_fields(tokenizer, size)
    expected = tokenizer(TELLING, add_special_tokens=False)["input_ids"]
    for splitter in sorted(SPLITTERS, key=lambda name: name != likely):
        fields = {**shared, "tokenizer.ggml.pre": splitter}
        if tokenizer_from_gguf(fields)(TELLING, add_special_tokens=False)["input_ids"] == expected:
            return fields
    raise JobError("E_STUDENT_UNSUITABLE", "The model splits text into words in a way that cannot be served yet.")


def plain_fields(tokenizer: PreTrainedTokenizerBase, size: int) -> dict[str, Any]:
    """All but the splitter. Raises JobError E_STUDENT_UNSUITABLE for a tokenizer that is no byte-level BPE."""
    stored = json.loads(getattr(tokenizer, "backend_tokenizer").to_str())  # noqa: B009 - fast tokenizers only
    model = stored["model"]
    if model["type"] != "BPE" or model.get("byte_fallback") or stored.get("normalizer"):
        raise JobError("E_STUDENT_UNSUITABLE", "Only models with a byte-level BPE tokenizer can be served yet.")
    texts = {index: text for text, index in model["vocab"].items()}
    types = dict.fromkeys(texts, TokenType.NORMAL)
    for token in stored["added_tokens"]:
        texts[token["id"]] = token["content"]
        types[token["id"]] = TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED
    if max(texts) >= size:
        raise JobError(
            "E_STUDENT_UNSUITABLE", f"The tokenizer has more tokens ({max(texts) + 1}) than the model ({size})."
        )
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    fields: dict[str, Any] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": [texts.get(index, f"[PAD{index}]") for index in range(size)],
        "tokenizer.ggml.token_type": [int(types.get(index, TokenType.UNUSED)) for index in range(size)],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.add_bos_token": adds_bos(tokenizer),
    }
    for role, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
        index = getattr(tokenizer, f"{role}_token_id")
        if index is not None:
            fields[f"tokenizer.ggml.{key}_token_id"] = index
    if isinstance(tokenizer.chat_template, str):
        fields["tokenizer.chat_template"] = tokenizer.chat_template
    return fields


def adds_bos(tokenizer: PreTrainedTokenizerBase) -> bool:
    ids = tokenizer("a")["input_ids"]
    return tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id
