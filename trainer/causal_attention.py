"""Attention on a GPU, by torch's fused kernels and without a mask.

Rows are padded at their end and a token only looks back, so no token that counts ever sees the padding. Phi-2's
products of queries and keys overflow float16; torch's kernels hold them in float32.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "distillery_causal"


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: (rows, heads, tokens, width) in, (rows, tokens, heads, width) out."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    if query.is_meta:  # torch itself would take the path that keeps all scores, which no GPU needs
        fused: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        result = fused(query, key, value, 0.0, True, scale=scaling)[0]
    else:
        result = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return result.transpose(1, 2), None


AttentionInterface.register(NAME, attend)


def use_causal_attention(model: Any) -> None:
    """`model` is then only for rows that are padded at their end, and takes no cache."""
    model.set_attn_implementation(NAME)
