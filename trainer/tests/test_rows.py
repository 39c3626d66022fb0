"""Rows as token ids and their order."""

import pytest

from trainer.gguf_file import GgufFile
from trainer.gguf_tokenizer import tokenizer_from_gguf
from trainer.plan import make_plan, micro_batch, one_pass
from trainer.protocol import JobError
from trainer.rows import IGNORED, encode_rows
from trainer.tests.samples import END, row, student_gguf

TOKENIZER = tokenizer_from_gguf(GgufFile(student_gguf()).fields)


def test_the_loss_is_on_the_answer_and_its_end() -> None:
    rows = encode_rows([row("Why?", "Because.")], TOKENIZER, 100, END)
    counted = [label for label in rows.labels[0] if label != IGNORED]
    assert TOKENIZER.decode(counted) == f"Because.\n{END}"
    assert counted[-1] == TOKENIZER.convert_tokens_to_ids(END)
    assert rows.ids[0][-len(counted) :] == counted
    assert rows.answer_tokens(slice(0, 1)) == len(counted)


def test_long_rows_are_left_out_whole_and_counted() -> None:
    rows = encode_rows([row("Why?", "word " * 90), row("Why?", "Because.")], TOKENIZER, 80, END)
    assert rows.left_out == [0]
    assert len(rows.ids) == 1
    assert TOKENIZER.decode(rows.ids[0]) == "".join(row("Why?", "Because.").values())


def test_thinned_forms_take_turns_with_the_whole_row() -> None:
    plain = [row(question, "Because.") for question in ("Why is it so?", "What is it?", "Who is it?")]
    long = row("why " * 90, "Because.")["prompt"]
    forms = [row(text, "Because.")["prompt"] for text in ("why so", "is so")]
    rows = encode_rows([{**plain[0], "thinned": forms}, {**plain[1], "thinned": [long]}, plain[2]], TOKENIZER, 80, END)
    assert (len(rows.lengths), len(rows.ids), rows.left_out) == (3, 5, [])  # the long form is left out, its row is not
    text = [str(TOKENIZER.decode(ids)).split("user\n")[1].split("\n")[0] for ids in rows.ids]
    taken = [[text[rows.entry(place, pass_)] for pass_ in range(5)] for place in range(3)]
    assert taken[0] == ["Why is it so?", "why so", "Why is it so?", "is so", "Why is it so?"]
    assert taken[1:] == [["What is it?"] * 5, ["Who is it?"] * 5]
    assert rows.labels[3][-5:] == rows.labels[0][-5:]
    plan = make_plan({"rule": "auto", "passes": 2, "patience": 1}, rows.lengths, 2, 1, 0, rows.entry)
    assert sorted(plan.order) == [0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    "bad",
    [
        {"prompt": "Question: who", "completion": f"ever {END}"},  # "who" + "ever" is one token
        {"prompt": "Q\n", "completion": "no end"},
        {"prompt": "Q\n", "completion": END},
    ],
)
def test_rows_that_would_teach_something_else_are_refused(bad: dict[str, str]) -> None:
    with pytest.raises(JobError) as error:
        encode_rows([row("Why?", "Because."), bad], TOKENIZER, 100, END)
    assert "row 2" in error.value.message


def test_a_pass_holds_every_row_once_in_an_order_that_the_seed_fixes() -> None:
    lengths = [10 + (place * 37) % 90 for place in range(61)]
    order = one_pass(lengths, 4, 3, 0)
    assert sorted(order) == list(range(61))
    assert order == one_pass(lengths, 4, 3, 0)
    assert order != one_pass(lengths, 4, 4, 0)
    assert order != one_pass(lengths, 4, 3, 1)
    steps = [[lengths[row] for row in order[start : start + 4]] for start in range(0, 61, 4)]
    spread = [max(step) - min(step) for step in steps]
    assert sum(spread) / len(spread) < 20  # random fours of these lengths spread over 54


def test_fixed_steps_are_obeyed_and_auto_looks_once_a_pass() -> None:
    lengths = [20] * 10
    fixed = make_plan({"rule": "fixed", "count": 7}, lengths, 4, 1, 5)
    assert (fixed.steps, len(fixed.order), fixed.evaluate_at) == (7, 28, frozenset())
    auto = make_plan({"rule": "auto", "passes": 4, "patience": 2}, lengths, 4, 1, 5)
    assert (auto.steps, auto.evaluate_at) == (10, frozenset({3, 5, 8, 10}))
    assert sorted(auto.order[:10]) == list(range(10))


def test_a_step_is_computed_at_once_when_it_fits() -> None:
    assert micro_batch(4, 100, 2048, 4) == 4
    assert micro_batch(4, 1000, 2048, 4) == 2
    assert micro_batch(4, 5000, 2048, 4) == 1
    assert micro_batch(6, 100, 2048, 5) == 3
