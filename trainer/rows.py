"""Training rows as token ids: the loss is on the completion, end text included."""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from trainer.protocol import JobError

IGNORED = -100  # the label of a token that counts for no loss


@dataclass(frozen=True)
class Rows:
    """Encoded rows and how many were left out for their length. `ids` and `labels` are of equal length per row."""

    ids: list[list[int]]
    labels: list[list[int]]
    too_long: int

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self.ids]

    def answer_tokens(self, span: slice) -> int:
        """Tokens that count for the loss. A row's first token never does: nothing predicts it."""
        return sum(label != IGNORED for labels in self.labels[span] for label in labels[1:])


def encode_rows(rows: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase, max_length: int, end_text: str) -> Rows:
    """Raises JobError E_TRAINER for a row without the end text, without an answer, or whose prompt would be read
    differently alone than with its completion. Rows longer than `max_length` tokens are left out, never cut.
    """
    ids: list[list[int]] = []
    labels: list[list[int]] = []
    too_long = 0
    for number, row in enumerate(rows, 1):
        prompt, completion = row["prompt"], row["completion"]
        if not completion.endswith(end_text) or completion == end_text:
            raise JobError("E_TRAINER", f"Training row {number} does not end with an answer and the end mark.")
        prompt_ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        whole: list[int] = tokenizer(prompt + completion, add_special_tokens=False)["input_ids"]
        if whole[: len(prompt_ids)] != prompt_ids or len(whole) == len(prompt_ids):
            raise JobError("E_TRAINER", f"The prompt of training row {number} does not end at a token's end.")
        if len(whole) > max_length:
            too_long += 1
            continue
        ids.append(whole)
        labels.append([IGNORED] * len(prompt_ids) + whole[len(prompt_ids) :])
    return Rows(ids, labels, too_long)
