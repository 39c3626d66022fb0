"""Scores of one answer, by RAGAS's own metrics. A score is `{value}` in 0..1 or `{status, reason}`; never NaN."""

import asyncio
import hashlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from pydantic import ValidationError
from ragas.metrics.collections import AnswerRelevancy, FactualCorrectness, Faithfulness, RougeScore, SemanticSimilarity
from ragas.metrics.result import MetricResult
from ragas.prompt.metrics.base_prompt import BasePrompt

from trainer.at_once import BothWays, answer_relevancy
from trainer.judge import Judge, JudgeOutputError
from trainer.protocol import AskError, JobError
from trainer.vectors import Vectors

log = logging.getLogger(__name__)

Score = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One answer to score. `context`: the section its question is about."""

    name: str
    question: str
    answer: str
    reference: str
    context: str


Measure = Callable[[Item], Awaitable[MetricResult]]


class NotApplicableError(Exception):
    """There is nothing to measure in this answer."""


class Scorer:
    """The chosen metrics, ready to score. `seconds`: what one metric of one answer may take."""

    def __init__(self, metrics: Sequence[str], vectors: Vectors, judge: Judge | None, seconds: float) -> None:
        self._vectors = vectors
        self._seconds = seconds
        self._judging: dict[str, object] = {}
        measures = self._measures(judge)
        self._chosen = {name: measures.get(name) for name in metrics}

    def _measures(self, judge: Judge | None) -> dict[str, Measure]:
        similarity = SemanticSimilarity(embeddings=self._vectors)
        rouge = RougeScore(rouge_type="rougeL", mode="fmeasure")

        async def semantic_similarity(item: Item) -> MetricResult:
            await self._vectors.prepare([item.reference, item.answer])
            return await similarity.ascore(reference=item.reference, response=item.answer)

        measures: dict[str, Measure] = {
            "semantic_similarity": semantic_similarity,
            "rouge_score": lambda item: rouge.ascore(reference=item.reference, response=item.answer),
        }
        if judge is None:
            return measures
        faithful = Faithfulness(llm=judge)
        self._judging = {
            "answer_relevancy": AnswerRelevancy(llm=judge, embeddings=self._vectors),
            "factual_correctness": FactualCorrectness(llm=judge),
            "faithfulness": faithful,
        }

        async def faithfulness(item: Item) -> MetricResult:
            if not item.context.strip():
                raise NotApplicableError("the section's text is not known")
            result = await faithful.ascore(
                user_input=item.question, response=item.answer, retrieved_contexts=[item.context]
            )
            # A judge that gives no verdict at all is caught before; no number is left for no statement.
            if isinstance(result.value, float) and math.isnan(result.value):
                raise NotApplicableError("the answer states nothing")
            return result

        return measures | {
            "faithfulness": faithfulness,
            "answer_relevancy": lambda item: answer_relevancy(judge, self._vectors, item.question, item.answer),
            "factual_correctness": lambda item: BothWays(llm=judge).ascore(item.answer, item.reference),
        }

    def prompts(self) -> dict[str, dict[str, str]]:
        """What the judge of the chosen metrics is asked with: the instruction, and the hash of the whole prompt.

        The hash covers the instruction, the schema of the answer and RAGAS's examples, rendered with the
        input of the first example.
        """
        found: dict[str, dict[str, str]] = {}
        for metric in [name for name in self._chosen if name in self._judging]:
            for name, prompt in vars(self._judging[metric]).items():
                if isinstance(prompt, BasePrompt):
                    whole = prompt.to_string(prompt.examples[0][0])
                    digest = hashlib.sha256(whole.encode()).hexdigest()
                    found[f"{metric}.{name}"] = {"hash": digest, "instruction": prompt.instruction}
        return found

    async def score(self, item: Item) -> dict[str, Score]:
        """All chosen metrics of one answer; one that fails leaves the others alone. Raises JobError only."""
        results = await asyncio.gather(*(self._one(measure, item) for measure in self._chosen.values()))
        return dict(zip(self._chosen, results, strict=True))

    async def _one(self, measure: Measure | None, item: Item) -> Score:
        if measure is None:
            return {"status": "not_applicable", "reason": "there is no judge"}
        if not item.reference.strip():
            return {"status": "failed", "reason": "the reference is empty"}
        # RAGAS raises for an empty answer, or compares a blank: it is worth nothing by definition.
        if not item.answer.strip():
            return {"value": 0.0}
        try:
            result = await asyncio.wait_for(measure(item), self._seconds)
            return as_score(result.value)
        except JobError:
            raise
        except NotApplicableError as reason:
            return {"status": "not_applicable", "reason": str(reason)}
        except Exception as error:  # whatever a metric raises fails this one score
            log.exception("a metric of %s failed", item.name)
            return {"status": "failed", "reason": reason_of(error)}


def as_score(value: object) -> Score:
    """Normalised as max(0, value); rounding above 1 is cut."""
    if not isinstance(value, Real) or not math.isfinite(value):
        return {"status": "failed", "reason": "the metric gave no number"}
    return {"value": min(1.0, max(0.0, float(value)))}


def reason_of(error: Exception) -> str:
    """A short reason, for the report."""
    if isinstance(error, AskError):
        return f"the endpoint gave no answer: {error}"
    if isinstance(error, JudgeOutputError | ValidationError):
        return f"judge output: {error}"
    if isinstance(error, TimeoutError):
        return "timeout"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
