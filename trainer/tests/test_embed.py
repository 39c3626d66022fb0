"""Job `embed` and the embedder both jobs share."""

import math

import numpy as np
import pytest

from trainer.embed import SentenceEmbedder
from trainer.protocol import JobError
from trainer.tests.running_job import RunningJob, embedder_folder


def test_vectors_come_back_by_id_with_unit_length() -> None:
    texts = ["A Pod runs containers.", "Pods run one or more containers.", "The mist intake needs grease.", ""]
    with RunningJob("embed", {"embedder": embedder_folder()}) as job:
        job.send(type="embed", id=7, texts=texts)
        job.send(type="embed", id=8, texts=[])
        answer = job.next("vectors")
        assert answer["id"] == 7
        vectors = np.array(answer["vectors"])
        assert vectors.shape == (4, 384)
        assert all(math.isclose(float(np.linalg.norm(row)), 1, abs_tol=1e-5) for row in vectors)
        assert vectors[0] @ vectors[1] > 0.7
        assert vectors[0] @ vectors[2] < 0.3
        assert job.next("vectors") == {"type": "vectors", "id": 8, "vectors": []}
        job.send(type="done")
        assert job.next("result", "error") == {"type": "result", "result": {}}
        assert job.end() == 0


def test_window_counts_tokens_and_batches_change_nothing() -> None:
    embedder = SentenceEmbedder(embedder_folder())
    # Each word is one token of MiniLM; two marks are added; the window is 256.
    assert not embedder.over_window(" ".join(["pod"] * 254))
    assert embedder.over_window(" ".join(["pod"] * 255))
    texts = ["short", "a much longer sentence about storage classes " * 20, "middling sentence"]
    together = embedder.vectors(texts)
    for text, row in zip(texts, together, strict=True):
        assert np.allclose(embedder.vectors([text])[0], row, atol=1e-5)


@pytest.mark.parametrize("folder", [None, 5, "/nowhere/at/all"])
def test_a_missing_model_is_named(folder: object) -> None:
    with pytest.raises(JobError) as caught:
        SentenceEmbedder(folder)
    assert caught.value.code == "E_MODEL_FILE"
