"""What `evaluate` is sent: items, embedded batch by batch, until the host has no more or sends what it may not."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from trainer.evaluate import embed_ahead, read_items
from trainer.protocol import JobError
from trainer.scoring import Item
from trainer.tests.channel_pair import ChannelPair
from trainer.vectors import Vectors


def test_a_batch_that_cannot_be_embedded_is_left_to_its_answers_and_a_refusal_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    items = [Item(name, "question", "answer", "reference", "context") for name in ("one", "two")]

    def ahead(fault: Exception) -> None:
        async def embed(_: Sequence[str]) -> list[list[float]]:
            raise fault

        asyncio.run(embed_ahead(items, ["semantic_similarity"], Vectors(embed)))

    ahead(RuntimeError("no vectors"))
    assert "a batch of 2 answers could not be embedded together" in caplog.text
    with pytest.raises(JobError, match="no credit"):
        ahead(JobError("E_QUOTA", "no credit"))


def test_a_score_line_without_texts_ends_the_input_with_its_reason() -> None:
    async def ends_of(lines: list[dict[str, Any]]) -> list[Item | JobError | None]:
        pair = ChannelPair()
        queue = read_items(pair.channel)
        for line in lines:
            pair.send(**line)
        return [await asyncio.wait_for(queue.get(), 10) for _ in lines]

    whole = {"question": "What?", "answer": "This.", "reference": "That.", "context": "Both."}
    lines = [{"type": "score", "item": "whole", **whole}, {"type": "score", "item": "bare"}]
    first, last = asyncio.run(ends_of(lines))
    assert isinstance(first, Item)
    assert first.answer == "This."
    assert isinstance(last, JobError)
    assert (last.code, last.message) == ("E_PROTOCOL", "The host sent a `score` line without its texts.")
