"""Job `evaluate`: answers in as `score` lines, RAGAS scores out as `scored` lines, until `done`.

Scores of different answers do not touch each other: at most `concurrency` answers are in work, and what
fails in one stays there. Judge and endpoint embeddings go through the host (`ask`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any

from trainer.embed import SentenceEmbedder
from trainer.protocol import Channel, JobError

if TYPE_CHECKING:
    from trainer.scoring import Item, Scorer
    from trainer.vectors import Vectors

log = logging.getLogger(__name__)

METRICS = ("semantic_similarity", "rouge_score", "answer_relevancy", "factual_correctness", "faithfulness")
TEXTS = ("item", "question", "answer", "reference", "context")
REPORTED = ("ragas", "rouge-score", "sentence-transformers")
BATCH = 32  # answers whose texts are embedded together
METRIC_SECONDS = 1800.0  # a judge may have to wait out an endpoint's "Retry-After" several times


def preload() -> None:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    import rouge_score.rouge_scorer  # noqa: F401
    import sentence_transformers  # noqa: F401

    import trainer.scoring  # noqa: F401


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """See PROTOCOL.md for the spec. Raises JobError for a spec that cannot be used."""
    metrics = spec.get("metrics")
    if not isinstance(metrics, list) or not metrics or not set(metrics) <= set(METRICS):
        raise JobError("E_PROTOCOL", f"The metrics must be some of {', '.join(METRICS)}.")
    concurrency = int(spec.get("concurrency", 8))
    if not 1 <= concurrency <= 256:
        raise JobError("E_PROTOCOL", "The concurrency must be between 1 and 256.")
    prompts = asyncio.run(score_all(spec, metrics, concurrency, channel))
    return {"versions": {name: metadata.version(name) for name in REPORTED}, "prompts": prompts}


async def score_all(
    spec: dict[str, Any], metrics: list[str], concurrency: int, channel: Channel
) -> dict[str, dict[str, str]]:
    """Scores until `done`; gives the prompts the judge was asked with."""
    from trainer.judge import Judge
    from trainer.scoring import Scorer
    from trainer.vectors import Vectors, from_host, from_model

    folder = spec.get("embedder")
    model = None if folder is None else SentenceEmbedder(folder)
    vectors = Vectors(from_host(channel) if model is None else from_model(model))
    judge = Judge(channel, concurrency) if spec.get("judge") else None
    scorer = Scorer(metrics, vectors, judge, float(spec.get("metricSeconds", METRIC_SECONDS)))
    queue = read_items(channel)
    turns = asyncio.Semaphore(concurrency)
    work: set[asyncio.Task[None]] = set()
    failures: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            failures.append(error)

    while batch := await next_batch(queue):
        await embed_ahead(batch, metrics, vectors)
        for item in batch:
            await turns.acquire()
            if failures:
                raise failures[0]
            task = asyncio.create_task(score_one(item, scorer, model, turns, channel))
            work.add(task)
            task.add_done_callback(ended)
    await asyncio.gather(*work)
    if failures:
        raise failures[0]
    return scorer.prompts()


async def score_one(
    item: Item, scorer: Scorer, model: SentenceEmbedder | None, turns: asyncio.Semaphore, channel: Channel
) -> None:
    try:
        channel.check_stop()
        scores = await scorer.score(item)
        cut = model is not None and await asyncio.to_thread(
            lambda: any(model.over_window(text) for text in (item.answer, item.reference))
        )
        channel.send("scored", item=item.name, scores=scores, overWindow=cut)
    finally:
        turns.release()


async def embed_ahead(batch: list[Item], metrics: list[str], vectors: Vectors) -> None:
    """Embeds a whole batch at once. What fails here is tried again answer by answer, and named there."""
    if "semantic_similarity" not in metrics:
        return
    try:
        await vectors.prepare([text for item in batch for text in (item.reference, item.answer) if text.strip()])
    except JobError:
        raise
    except Exception:
        log.exception("a batch of %d answers could not be embedded together", len(batch))


def read_items(channel: Channel) -> asyncio.Queue[Item | JobError | None]:
    """Items as the host sends them; None after `done`, the error after `stop`."""
    from trainer.scoring import Item

    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Item | JobError | None] = asyncio.Queue()

    def read() -> None:
        last: JobError | None = None
        try:
            while (line := channel.next_line()) is not None:
                texts = [line.get(key) for key in TEXTS]
                if not all(isinstance(text, str) for text in texts):
                    raise JobError("E_PROTOCOL", "The host sent a `score` line without its texts.")
                loop.call_soon_threadsafe(queue.put_nowait, Item(*map(str, texts)))
        except JobError as error:
            last = error
        loop.call_soon_threadsafe(queue.put_nowait, last)

    threading.Thread(target=read, daemon=True, name="items").start()
    return queue


async def next_batch(queue: asyncio.Queue[Item | JobError | None]) -> list[Item]:
    """What has arrived, at least one item, at most `BATCH`; empty after the last. Raises what ended the input."""
    batch: list[Item] = []
    while not batch or (len(batch) < BATCH and not queue.empty()):
        item = await queue.get()
        if isinstance(item, JobError):
            raise item
        if item is None:
            queue.put_nowait(None)
            return batch
        batch.append(item)
    return batch
