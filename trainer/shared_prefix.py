"""Computes rows that begin alike as one sequence: the common beginning once, then the rest of each row.

All rows of a training start with the same system text, a third of a typical row. With a causal model the values at
the common tokens are the same in every row, so computing them once gives the same loss and the same gradient.
The rest of the rows stands behind, padded to one length; each token sees the beginning and its own row.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface

from trainer.rows import IGNORED

NAME = "distillery_shared_prefix"


@dataclass(frozen=True)
class Layout:
    """`prefix` common tokens, then `rows` rows of `length` tokens. The masks are True where a token may look."""

    prefix: int
    rows: int
    length: int
    prefix_mask: torch.Tensor
    row_mask: torch.Tensor


@dataclass(frozen=True)
class Joined:
    """One sequence. `labels` belongs to the rows behind the prefix, (rows, length)."""

    ids: torch.Tensor
    positions: torch.Tensor
    labels: torch.Tensor
    layout: Layout


def join_rows(ids: torch.Tensor, labels: torch.Tensor) -> Joined:
    """From a right-padded batch, (rows, tokens). The prefix ends before the last prompt token of every row."""
    counted = labels != IGNORED
    first_answer = int(counted.int().argmax(1).min())
    alike = (ids == ids[0]).all(0)
    prefix = min(int(alike.long().cumprod(0).sum()), max(0, first_answer - 1))
    rows, length = ids.shape[0], ids.shape[1] - prefix
    places = torch.arange(prefix, prefix + length)
    return Joined(
        torch.cat([ids[0, :prefix], ids[:, prefix:].flatten()])[None],
        torch.cat([torch.arange(prefix), places.repeat(rows)])[None],
        labels[:, prefix:],
        layout_of(prefix, rows, length),
    )


def layout_of(prefix: int, rows: int, length: int) -> Layout:
    """With the masks of causal attention."""
    own = torch.ones(length, length, dtype=torch.bool).tril()
    seen = torch.ones(length, prefix, dtype=torch.bool)
    return Layout(prefix, rows, length, torch.ones(prefix, prefix, dtype=torch.bool).tril(), torch.cat([seen, own], 1))


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    layout: Layout,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface. `query` is (1, heads, tokens, width), `key` and `value` have fewer heads.

    Plain matrix products: on the CPU they take half the time of torch's fused kernel at these lengths.
    """
    p, n, s = layout.prefix, layout.rows, layout.length
    kv_heads, width = key.shape[1], key.shape[3]
    query = query[0] * scaling
    key, value = key[0], value[0]
    parts = []
    if p:
        grouped = query[:, :p].reshape(kv_heads, -1, width)
        parts.append(_weigh(grouped, key[:, :p], value[:, :p], layout.prefix_mask).reshape(-1, p, width))
    # (heads, rows, length, width) -> (rows, kv heads, group * length, width)
    grouped = query[:, p:].reshape(kv_heads, -1, n, s, width).permute(2, 0, 1, 3, 4).reshape(n, kv_heads, -1, width)
    keys, values = (
        torch.cat([part[None, :, :p].expand(n, -1, -1, -1), part[:, p:].view(kv_heads, n, s, width).transpose(0, 1)], 2)
        for part in (key, value)
    )
    rest = _weigh(grouped, keys, values, layout.row_mask)
    rest = rest.reshape(n, kv_heads, -1, s, width).permute(1, 2, 0, 3, 4).reshape(-1, n * s, width)
    parts.append(rest)
    return torch.cat(parts, 1).transpose(0, 1)[None], None


def _weigh(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax attention; several heads of `query` stand one behind the other for each head of `key`."""
    scores = query @ key.transpose(-1, -2)
    tokens, seen = mask.shape
    scores = scores.view(*scores.shape[:-2], -1, tokens, seen).masked_fill(~mask, float("-inf"))
    chances = scores.softmax(-1).view(*query.shape[:-1], seen)
    return chances @ value


AttentionInterface.register(NAME, attend)


def use_shared_prefix(model: Any) -> None:
    """The model's attention then needs a `layout` among the arguments of its forward."""
    model.set_attn_implementation(NAME)
