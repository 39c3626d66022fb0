"""RAGAS's own metrics with those judge requests at once that do not wait for each other's answers.

RAGAS sends every request of a sample after the one before. The prompts, their number and the scores are the same
here: relevancy takes one turn of the judge and not three, correctness two and not four.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import numpy as np
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import AnswerRelevancy, FactualCorrectness
from ragas.metrics.result import MetricResult

from trainer.judge import Model

STRICTNESS = 3  # RAGAS's own: questions made of one answer


class Repeated(InstructorBaseRagasLLM):
    """For one sample: asks its one prompt as often as it is going to be asked for, and gives the answers in turn."""

    def __init__(self, judge: InstructorBaseRagasLLM, times: int) -> None:
        self._judge = judge
        self._times = times
        self._asked: list[asyncio.Task[Any]] = []
        self._taken = 0

    def generate(self, prompt: str, response_model: type[Model]) -> Model:
        return self._judge.generate(prompt, response_model)

    async def agenerate(self, prompt: str, response_model: type[Model]) -> Model:
        if not self._asked:
            ask = self._judge.agenerate
            self._asked = [asyncio.create_task(ask(prompt, response_model)) for _ in range(self._times)]
        self._taken += 1
        return await self._asked[self._taken - 1]

    async def end(self) -> None:
        await given_up(self._asked)


async def answer_relevancy(
    judge: InstructorBaseRagasLLM, vectors: BaseRagasEmbedding, question: str, answer: str
) -> MetricResult:
    repeated = Repeated(judge, STRICTNESS)
    metric = AnswerRelevancy(llm=repeated, embeddings=vectors, strictness=STRICTNESS)
    try:
        return await metric.ascore(user_input=question, response=answer)
    finally:
        await repeated.end()


class BothWays(FactualCorrectness):
    """For one sample: checks the reference's claims against the answer while the answer's are checked."""

    async def ascore(self, response: str, reference: str) -> MetricResult:
        check = super()._decompose_and_verify_claims
        # RAGAS takes the answer's claims first, the reference's after.
        ways = [asyncio.create_task(check(response, reference)), asyncio.create_task(check(reference, response))]
        self._ways = iter(ways)
        try:
            return await super().ascore(response=response, reference=reference)
        finally:
            await given_up(ways)

    async def _decompose_and_verify_claims(self, text_to_decompose: str, reference_text: str) -> np.ndarray:
        return await next(self._ways)


async def given_up(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Ends what nobody waits for any more, after a failure."""
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
