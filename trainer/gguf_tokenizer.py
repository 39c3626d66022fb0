"""The tokenizer inside a GGUF as a Hugging Face one that gives the same ids as llama.cpp."""

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from trainer.protocol import JobError

CONTROL, USER_DEFINED = 3, 4  # llama.cpp's token types

# llama.cpp splits by these before merging, under the names its converter writes.
SMOLLM = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
GPT2 = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = [
    pre_tokenizers.Split(Regex(QWEN2_PATTERN), "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
]
SPLITTERS: dict[str, list[Any]] = {"smollm": SMOLLM, "gpt-2": GPT2, "phi-2": GPT2, "qwen2": QWEN2}


def tokenizer_from_gguf(fields: dict[str, Any]) -> PreTrainedTokenizerFast:
    """`fields` are the GGUF's metadata. Raises JobError E_STUDENT_UNSUITABLE for an unknown kind."""
    kind, splitter = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or splitter not in SPLITTERS:
        raise JobError(
            "E_STUDENT_UNSUITABLE", f"The model's tokenizer ({kind}, {splitter}) is of a kind training cannot read."
        )
    texts: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={text: i for i, text in enumerate(texts)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(SPLITTERS[splitter])
    tokenizer.decoder = decoders.ByteLevel()
    types = fields.get("tokenizer.ggml.token_type", [])
    tokenizer.add_tokens(
        [
            AddedToken(text, special=type_ == CONTROL, normalized=False)
            for text, type_ in zip(texts, types, strict=False)
            if type_ in (CONTROL, USER_DEFINED)
        ]
    )
    named = {
        f"{role}_token": texts[fields[key]]
        for role, key in (
            ("bos", "tokenizer.ggml.bos_token_id"),
            ("eos", "tokenizer.ggml.eos_token_id"),
            ("unk", "tokenizer.ggml.unknown_token_id"),
            ("pad", "tokenizer.ggml.padding_token_id"),
        )
        if fields.get(key) is not None
    }
    named.setdefault("pad_token", named.get("eos_token", texts[0]))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, padding_side="right", **named
    )
