"""The loss of a batch: over the answer tokens only, so that no logits are made for the others."""

from typing import Any

import torch

from trainer.head_loss import HeadLoss
from trainer.rows import IGNORED
from trainer.shared_prefix import join_rows

Loss = tuple[torch.Tensor, torch.Tensor]


def joined_loss(model: Any, inputs: dict[str, torch.Tensor]) -> Loss:
    """Summed negative log-likelihood of the answer tokens and their number, for a right-padded batch. `model` is a
    PEFT model whose base attends by `shared_prefix`."""
    base = model.get_base_model()
    joined = join_rows(inputs["input_ids"], inputs["labels"])
    layout = joined.layout
    output = base.base_model(input_ids=joined.ids, position_ids=joined.positions, use_cache=False, layout=layout)
    rows = output.last_hidden_state[0, layout.prefix :].view(layout.rows, layout.length, -1)
    return _over_answers(base, rows, joined.labels)


def padded_loss(model: Any, inputs: dict[str, torch.Tensor]) -> Loss:
    """As `joined_loss`, for a base that attends by `causal_attention`: every row is computed in full."""
    base = model.get_base_model()
    rows = base.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
    return _over_answers(base, rows, inputs["labels"])


def _over_answers(base: Any, rows: torch.Tensor, labels: torch.Tensor) -> Loss:
    """`rows` is (rows, tokens, width); a token's values predict the next one."""
    wanted = labels[:, 1:]
    counted = wanted != IGNORED
    head = base.get_output_embeddings()
    total: Any = HeadLoss.apply(rows[:, :-1][counted], head.weight, head.bias, wanted[counted])
    return total, counted.sum()
