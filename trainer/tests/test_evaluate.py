"""Job `evaluate` through its lines, and its scores against RAGAS's own classes and the plain formulas."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ragas.embeddings.huggingface_provider import HuggingFaceEmbeddings
from ragas.metrics.collections import (
    AnswerRelevancy,
    FactualCorrectness,
    Faithfulness,
    RougeScore,
    SemanticSimilarity,
)
from ragas.metrics.collections.faithfulness.util import NLIStatementOutput, StatementGeneratorOutput
from sentence_transformers import SentenceTransformer

from trainer.judge import Judge, JudgeOutputError, Model, read_output
from trainer.protocol import JobError
from trainer.scoring import Item, Scorer, as_score
from trainer.tests.running_job import RunningJob, embedder_folder
from trainer.vectors import Vectors

QUESTION = "What does a ReplicaSet keep running?"
REFERENCE = "A ReplicaSet keeps a stated number of identical Pods running at any time."
ANSWERS = {
    "same": REFERENCE,
    "near": "A ReplicaSet makes sure that the wanted number of Pods runs.",
    "far": "Grease the mist intake every Monday with blue paste.",
    "long": "A ReplicaSet keeps Pods running. " * 80,
    "umlaut": "Ein ReplicaSet hält Pods am Laufen — ständig ✓.",
}
LOCAL = ["semantic_similarity", "rouge_score"]
SECTION = "A ReplicaSet keeps a stated number of identical Pods running at any time. It replaces those that fail."
JUDGED = ["answer_relevancy", "factual_correctness", "faithfulness"]

Reply = Callable[[dict[str, Any]], dict[str, Any]]


def score_line(item: str, answer: str, reference: str = REFERENCE, context: str = SECTION) -> dict[str, Any]:
    texts = {"question": QUESTION, "answer": answer, "reference": reference, "context": context}
    return {"type": "score", "item": item, **texts}


def collect(job: RunningJob, names: set[str], reply: Reply | None = None) -> dict[str, dict[str, Any]]:
    """Answers every `ask` until all named items are scored."""
    scored: dict[str, dict[str, Any]] = {}
    while names - scored.keys():
        line = job.next("scored", "ask")
        if line["type"] == "scored":
            assert line["item"] not in scored
            scored[line["item"]] = line
        else:
            assert reply, "a job without a judge asked something"
            job.send(type="answer", id=line["id"], **reply(line))
    return scored


@pytest.fixture(scope="module")
def local() -> Iterator[dict[str, dict[str, Any]]]:
    """Scores without a judge. The answers arrive in two parts, as they do while the student still writes."""
    spec = {"embedder": embedder_folder(), "metrics": [*LOCAL, "answer_relevancy"], "judge": None, "concurrency": 4}
    with RunningJob("evaluate", spec) as job:
        for name, answer in ANSWERS.items():
            job.send(**score_line(name, answer))
        first = collect(job, set(ANSWERS))
        job.send(**score_line("empty", " \n"))
        job.send(**score_line("no-reference", "Some answer.", reference=""))
        second = collect(job, {"empty", "no-reference"})
        job.send(type="done")
        result = job.next("result", "error")
        assert result["type"] == "result"
        assert result["result"]["versions"]["ragas"] == "0.4.3"
        assert job.end() == 0
        yield first | second


def test_semantic_similarity_is_the_cosine_and_what_ragas_gives(local: dict[str, dict[str, Any]]) -> None:
    model = SentenceTransformer(embedder_folder(), device="cpu", local_files_only=True)
    own = SemanticSimilarity(embeddings=HuggingFaceEmbeddings(model=embedder_folder()))
    for name, answer in ANSWERS.items():
        first, second = (np.asarray(model.encode(text), dtype=np.float64) for text in (REFERENCE, answer))
        cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
        value = local[name]["scores"]["semantic_similarity"]["value"]
        assert value == pytest.approx(min(1.0, max(0.0, cosine)), abs=1e-6)
        by_ragas = asyncio.run(own.ascore(reference=REFERENCE, response=answer)).value
        assert value == pytest.approx(min(1.0, max(0.0, by_ragas)), abs=1e-6)
    similarity = {name: local[name]["scores"]["semantic_similarity"]["value"] for name in ANSWERS}
    assert similarity["same"] == pytest.approx(1, abs=1e-6)
    assert similarity["same"] > similarity["near"] > 0.6
    assert similarity["far"] < 0.3


def test_rouge_is_what_ragas_gives(local: dict[str, dict[str, Any]]) -> None:
    own = RougeScore(rouge_type="rougeL", mode="fmeasure")
    for name, answer in ANSWERS.items():
        by_ragas = asyncio.run(own.ascore(reference=REFERENCE, response=answer)).value
        assert local[name]["scores"]["rouge_score"]["value"] == pytest.approx(by_ragas, abs=1e-12)


def test_what_has_no_score_says_why(local: dict[str, dict[str, Any]]) -> None:
    assert local["empty"]["scores"]["semantic_similarity"] == {"value": 0.0}
    assert local["empty"]["scores"]["rouge_score"] == {"value": 0.0}
    assert local["no-reference"]["scores"]["semantic_similarity"]["status"] == "failed"
    assert local["same"]["scores"]["answer_relevancy"] == {
        "status": "not_applicable",
        "reason": "there is no judge",
    }
    assert [name for name, line in local.items() if line["overWindow"]] == ["long"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None, "high"])
def test_no_number_is_a_failure(value: object) -> None:
    assert as_score(value)["status"] == "failed"


def test_values_are_kept_in_range() -> None:
    assert as_score(1.0000002) == {"value": 1.0}
    assert as_score(-0.25) == {"value": 0.0}
    assert as_score(np.float32(0.5)) == {"value": 0.5}


def verdicts(messages: list[dict[str, str]]) -> str:
    """A judge that finds every claim right, told apart by the fields RAGAS asks for."""
    prompt = messages[0]["content"]
    if '"noncommittal"' in prompt:
        return json.dumps({"question": QUESTION, "noncommittal": 0})
    if prompt.startswith("Given a question and an answer"):
        return json.dumps({"statements": [] if "Hm" in prompt.rpartition("input:")[2] else ["one", "two"]})
    if '"claims"' in prompt:
        return json.dumps({"claims": ["It keeps Pods running.", "The number is stated."]})
    claims = [{"statement": claim, "reason": "stands there", "verdict": 1} for claim in ("one", "two")]
    return json.dumps({"statements": claims})


def test_judge_metrics_ask_the_host_and_fail_alone() -> None:
    asked: dict[str, int] = {}

    def reply(ask: dict[str, Any]) -> dict[str, Any]:
        assert ask["kind"] == "chat"
        body = ask["body"]
        assert body["json"] is True
        assert body["maxTokens"] > 0
        subject = next((word for word in ("fenced", "broken", "refused") if word in str(body["messages"])), "plain")
        asked[subject] = asked.get(subject, 0) + 1
        if subject == "refused":
            return {"ok": False, "message": "the endpoint is overloaded"}
        if subject == "broken":
            return {"ok": True, "body": {"text": '{"question": "cut off'}}
        text = verdicts(body["messages"])
        if subject == "fenced" and len(body["messages"]) == 1:
            return {"ok": True, "body": {"text": "I think so."}}  # repaired when asked again
        return {"ok": True, "body": {"text": f"Here it is:\n```json\n{text}\n```" if subject == "fenced" else text}}

    spec = {"embedder": embedder_folder(), "metrics": LOCAL + JUDGED, "judge": "a-judge", "concurrency": 3}
    with RunningJob("evaluate", spec) as job:
        for name in ("plain", "fenced", "broken", "refused"):
            job.send(**score_line(name, f"A ReplicaSet keeps {name} Pods running."))
        job.send(**score_line("empty", ""))
        job.send(**score_line("silent", "Hm!"))
        job.send(**score_line("homeless", "A ReplicaSet keeps Pods running.", context=""))
        lines = collect(job, {"plain", "fenced", "broken", "refused", "empty", "silent", "homeless"}, reply)
        scores = {name: line["scores"] for name, line in lines.items()}
        job.send(type="done")
        result = job.next("result", "error")["result"]
        assert {name.partition(".")[0] for name in result["prompts"]} == set(JUDGED)
        assert all(len(prompt["hash"]) == 64 and prompt["instruction"] for prompt in result["prompts"].values())

    for name in ("plain", "fenced"):
        assert scores[name]["answer_relevancy"]["value"] == pytest.approx(1, abs=1e-5)
        assert scores[name]["factual_correctness"] == {"value": 1.0}
        assert scores[name]["faithfulness"] == {"value": 1.0}
    assert [scores[name]["faithfulness"]["status"] for name in ("silent", "homeless")] == ["not_applicable"] * 2
    assert scores["silent"]["faithfulness"]["reason"] == "the answer states nothing"
    for name in JUDGED:
        assert scores["broken"][name]["status"] == "failed"
        assert scores["broken"][name]["reason"].startswith("judge output: ")
        assert scores["refused"][name]["reason"] == "the endpoint gave no answer: the endpoint is overloaded"
        assert scores["empty"][name] == {"value": 0.0}
    assert all(0.3 < scores[name]["semantic_similarity"]["value"] < 1 for name in ("broken", "refused"))
    # Of an answer's prompts six name it; each is asked once with at most two repairs, and a refusal is not repaired.
    assert 9 <= asked["broken"] <= 18
    assert 3 <= asked["refused"] <= 6


class HalfBelieving(Judge):
    """Finds every second statement right."""

    def __init__(self) -> None:
        pass

    async def agenerate(self, prompt: str, response_model: type[Model]) -> Model:
        statements: list[Any] = ["one", "two", "three", "four"]
        if response_model is NLIStatementOutput:
            assert SECTION in prompt
            statements = [{"statement": s, "reason": "", "verdict": at % 2} for at, s in enumerate(statements)]
        return response_model.model_validate({"statements": statements})


def test_faithfulness_is_what_ragas_gives() -> None:
    judge = HalfBelieving()
    item = Item("half", QUESTION, "A ReplicaSet keeps Pods running.", REFERENCE, SECTION)
    own = Faithfulness(llm=judge).ascore(
        user_input=item.question, response=item.answer, retrieved_contexts=[item.context]
    )
    assert asyncio.run(own).value == 0.5
    scorer = Scorer(["faithfulness"], Vectors(no_vectors), judge, 10)
    assert asyncio.run(scorer.score(item)) == {"faithfulness": {"value": 0.5}}
    assert set(scorer.prompts()) == {"faithfulness.statement_generator_prompt", "faithfulness.nli_statement_prompt"}


class Stopped(HalfBelieving):
    """Is told to stop while a metric waits for it."""

    async def agenerate(self, prompt: str, response_model: type[Model]) -> Model:
        raise JobError("E_STOPPED", "The job was stopped.")


def test_a_stop_while_a_metric_waits_is_no_failed_score() -> None:
    item = Item("one", QUESTION, "A ReplicaSet keeps Pods running.", REFERENCE, SECTION)
    with pytest.raises(JobError, match="stopped"):
        asyncio.run(Scorer(["faithfulness"], Vectors(no_vectors), Stopped(), 10).score(item))


class Waiting(HalfBelieving):
    """Answers in the order of the prompts, after a moment, and counts how many wait at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting = 0
        self.most = 0

    async def agenerate(self, prompt: str, response_model: type[Model]) -> Model:
        self.asked.append(prompt)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0.01)
        self.waiting -= 1
        if "noncommittal" in response_model.model_fields:
            return response_model.model_validate({"question": f"Which {len(self.asked)}?", "noncommittal": 0})
        if "claims" in response_model.model_fields:
            return response_model.model_validate({"claims": ["one", "two", "three"]})
        verdicts = [{"statement": s, "reason": "", "verdict": int(s != "two")} for s in ("one", "two", "three")]
        return response_model.model_validate({"statements": verdicts})


def test_requests_at_once_are_those_of_ragas_and_score_alike() -> None:
    async def lengths(texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0] for text in texts]

    item = Item("one", QUESTION, "A ReplicaSet keeps Pods running.", REFERENCE, SECTION)
    one_by_one, at_once = Waiting(), Waiting()

    async def by_ragas() -> list[float]:
        relevancy = AnswerRelevancy(llm=one_by_one, embeddings=Vectors(lengths))
        results = [
            await relevancy.ascore(user_input=item.question, response=item.answer),
            await FactualCorrectness(llm=one_by_one).ascore(response=item.answer, reference=item.reference),
        ]
        return [result.value for result in results]

    expected = asyncio.run(by_ragas())
    scorer = Scorer(["answer_relevancy", "factual_correctness"], Vectors(lengths), at_once, 10)
    scores = asyncio.run(scorer.score(item))
    assert [score["value"] for score in scores.values()] == pytest.approx(expected, abs=1e-6)
    assert sorted(at_once.asked) == sorted(one_by_one.asked)
    assert (one_by_one.most, at_once.most) == (1, 5)


async def no_vectors(_: list[str]) -> list[list[float]]:
    raise AssertionError("faithfulness needs no vectors")


def test_no_verdict_is_no_judgement() -> None:
    assert read_output('{"statements": []}', StatementGeneratorOutput).statements == []
    with pytest.raises(JudgeOutputError, match="no verdict"):
        read_output('{"statements": []}', NLIStatementOutput)


def test_endpoint_embeddings_time_limit_no_network_and_stop() -> None:
    def reply(ask: dict[str, Any]) -> dict[str, Any]:
        assert ask["kind"] == "embed"
        texts = ask["body"]["texts"]
        if any("unlucky" in text for text in texts):
            return {"ok": False, "message": "no vectors for this"}
        return {"ok": True, "body": {"vectors": [[float(len(text)), 1.0] for text in texts]}}

    spec = {
        "embedder": None,
        "metrics": ["semantic_similarity", "answer_relevancy"],
        "judge": "silent",
        "concurrency": 8,
        "metricSeconds": 2,
    }
    with RunningJob("evaluate", spec) as job:
        job.send(**score_line("lucky", "some words"))
        job.send(**score_line("unlucky", "unlucky words"))
        scored: dict[str, dict[str, Any]] = {}
        while len(scored) < 2:
            line = job.next("scored", "ask")
            if line["type"] == "scored":
                scored[line["item"]] = line["scores"]
            elif line["kind"] == "embed":
                job.send(type="answer", id=line["id"], **reply(line))
        first, second = np.array([len(REFERENCE), 1.0]), np.array([len("some words"), 1.0])
        cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
        assert scored["lucky"]["semantic_similarity"]["value"] == pytest.approx(cosine, abs=1e-9)
        assert scored["unlucky"]["semantic_similarity"]["reason"].endswith("no vectors for this")
        # The judge never answers: the score ends by itself and says why.
        assert {scores["answer_relevancy"]["reason"] for scores in scored.values()} == {"timeout"}
        if os.path.isdir(f"/proc/{job.pid}/fd"):
            links = [os.readlink(f"/proc/{job.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{job.pid}/fd")]
            assert links
            assert not inet_sockets(job.pid, links)
        job.send(**score_line("waiting", "more words"))
        job.next("ask")
        job.send(type="stop")
        while (line := job.next("ask", "scored", "error", "result"))["type"] in ("ask", "scored"):
            pass
        assert (line["type"], line["code"]) == ("error", "E_STOPPED")
        assert job.end() == 0


def inet_sockets(pid: int, links: list[str]) -> list[str]:
    """Internet sockets among a process's descriptors; asyncio's own wake-up pair is none."""
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found: list[str] = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/{pid}/net/{table}") as file:
            found += [row for row in file.readlines()[1:] if row.split()[9] in inodes]
    return found


def test_unknown_metrics_are_refused() -> None:
    with RunningJob("evaluate", {"embedder": None, "metrics": ["vibes"], "judge": None}) as job:
        error = job.next("error", "result")
        assert error["code"] == "E_PROTOCOL"
        assert "semantic_similarity" in error["message"]
