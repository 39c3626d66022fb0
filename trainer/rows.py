"""Training rows as token ids: the loss is on the completion, end text included."""

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from transformers import PreTrainedTokenizerBase

from trainer.protocol import JobError

IGNORED = -100  # the label of a token that counts for no loss


@dataclass(frozen=True)
class Rows:
    """Encoded rows and which were left out for their length. `ids` and `labels` are of equal length per entry.

    The whole forms of the rows come first, in `lengths` their tokens; `forms` has for each row the entries that hold
    its forms with words left out.
    """

    ids: list[list[int]]
    labels: list[list[int]]
    left_out: list[int]
    forms: list[list[int]]

    @property
    def lengths(self) -> list[int]:
        return [len(ids) for ids in self.ids[: len(self.forms)]]

    def prefix(self) -> int:
        """Tokens at the beginning that all entries have in common, none of them predicting an answer."""
        first_answer = min(next(place for place, label in enumerate(row) if label != IGNORED) for row in self.labels)
        alike = (len(set(tokens)) == 1 for tokens in zip(*self.ids, strict=False))
        return min(sum(takewhile(bool, alike)), max(0, first_answer - 1))

    def longest_answer(self) -> int:
        """The most tokens of one entry that count for the loss."""
        return max(sum(label != IGNORED for label in row) for row in self.labels)

    def entry(self, row: int, pass_: int) -> int:
        """The form of a row for a pass: whole and thinned in turns, half of the rows beginning with each."""
        forms = self.forms[row]
        return row if not forms or (row + pass_) % 2 == 0 else forms[pass_ // 2 % len(forms)]

    def answer_tokens(self, span: slice) -> int:
        """Tokens that count for the loss. A row's first token never does: nothing predicts it."""
        return sum(label != IGNORED for labels in self.labels[span] for label in labels[1:])


def encode_rows(rows: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase, max_length: int, end_text: str) -> Rows:
    """Raises JobError E_TRAINER for a row without the end text, without an answer, or whose prompt would be read
    differently alone than with its completion. Rows longer than `max_length` tokens are left out, never cut.
    """
    whole: list[tuple[list[int], list[int]]] = []
    left_out: list[int] = []
    thinned: list[list[tuple[list[int], list[int]]]] = []
    for number, row in enumerate(rows, 1):
        completion = row["completion"]
        if not completion.endswith(end_text) or completion == end_text:
            raise JobError("E_TRAINER", f"Training row {number} does not end with an answer and the end mark.")
        encoded = [encode(prompt, completion, tokenizer, number) for prompt in (row["prompt"], *row.get("thinned", ()))]
        if len(encoded[0][0]) > max_length:
            left_out.append(number - 1)
            continue
        whole.append(encoded[0])
        thinned.append([form for form in encoded[1:] if len(form[0]) <= max_length])
    entries = whole + [form for forms in thinned for form in forms]
    places = iter(range(len(whole), len(entries)))
    return Rows(
        ids=[ids for ids, _ in entries],
        labels=[labels for _, labels in entries],
        left_out=left_out,
        forms=[[next(places) for _ in forms] for forms in thinned],
    )


def encode(
    prompt: str, completion: str, tokenizer: PreTrainedTokenizerBase, number: int
) -> tuple[list[int], list[int]]:
    """Token ids and labels of one row."""
    prompt_ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ids: list[int] = tokenizer(prompt + completion, add_special_tokens=False)["input_ids"]
    if ids[: len(prompt_ids)] != prompt_ids or len(ids) == len(prompt_ids):
        raise JobError("E_TRAINER", f"The prompt of training row {number} does not end at a token's end.")
    return ids, [IGNORED] * len(prompt_ids) + ids[len(prompt_ids) :]
