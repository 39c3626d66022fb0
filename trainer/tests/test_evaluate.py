"""Job `evaluate` through its lines, and its scores against RAGAS's own classes and the plain formulas."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ragas.embeddings.huggingface_provider import HuggingFaceEmbeddings
from ragas.metrics.collections import RougeScore, SemanticSimilarity
from sentence_transformers import SentenceTransformer

from trainer.scoring import as_score
from trainer.tests.running_job import RunningJob, embedder_folder

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
JUDGED = ["answer_relevancy", "factual_correctness"]

Reply = Callable[[dict[str, Any]], dict[str, Any]]


def score_line(item: str, answer: str, reference: str = REFERENCE, question: str = QUESTION) -> dict[str, Any]:
    return {"type": "score", "item": item, "question": question, "answer": answer, "reference": reference}


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
        lines = collect(job, {"plain", "fenced", "broken", "refused", "empty"}, reply)
        scores = {name: line["scores"] for name, line in lines.items()}
        job.send(type="done")
        assert job.next("result", "error")["type"] == "result"

    for name in ("plain", "fenced"):
        assert scores[name]["answer_relevancy"]["value"] == pytest.approx(1, abs=1e-5)
        assert scores[name]["factual_correctness"] == {"value": 1.0}
    for name in JUDGED:
        assert scores["broken"][name]["status"] == "failed"
        assert scores["broken"][name]["reason"].startswith("judge output: ")
        assert scores["refused"][name]["reason"] == "the endpoint gave no answer: the endpoint is overloaded"
        assert scores["empty"][name] == {"value": 0.0}
    assert all(0.3 < scores[name]["semantic_similarity"]["value"] < 1 for name in ("broken", "refused"))
    # One request and at most two repairs for each of the two metrics; a refusal is not repaired.
    assert asked["broken"] == 6
    assert asked["refused"] == 2


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
