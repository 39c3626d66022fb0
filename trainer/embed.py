"""Job `embed`: sentences in, unit vectors out, with a local sentence-transformers model on the CPU.

The job lives as long as the host wants vectors: one `vectors` line for every `embed` line, until `done`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.failures import named
from trainer.protocol import Channel, JobError

if TYPE_CHECKING:
    import numpy as np

BATCH = 32  # texts a forward pass; larger ones only pad more on a CPU


def preload() -> None:
    import sentence_transformers  # noqa: F401


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Spec `{embedder: PATH}`. Raises JobError E_MODEL_FILE when the folder holds no usable model."""
    embedder = SentenceEmbedder(spec.get("embedder"))
    while (line := channel.next_line()) is not None:
        texts = line.get("texts")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise JobError("E_PROTOCOL", "The host sent an `embed` line without a list of texts.")
        channel.send("vectors", id=line["id"], vectors=embedder.vectors(texts).tolist())
    return {}


class SentenceEmbedder:
    """One loaded model. Safe to use from several threads: calls take turns."""

    def __init__(self, folder: object) -> None:
        from sentence_transformers import SentenceTransformer

        if not isinstance(folder, str) or not Path(folder, "config.json").is_file():
            raise JobError("E_MODEL_FILE", "The folder of the sentence embedder is missing or holds no model.")
        with named("The sentence embedder"):
            self._model = SentenceTransformer(
                folder,
                device="cpu",
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        self._lock = threading.Lock()

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """One unit-length float32 row a text. A text over the window is cut by the model: see `over_window`."""
        import numpy as np

        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        with self._lock:
            return self._model.encode(
                list(texts),
                batch_size=BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )

    def over_window(self, text: str) -> bool:
        """Whether the model reads only the beginning of the text (MiniLM: 256 tokens, marks included)."""
        window = self._model.max_seq_length
        if not window:
            return False
        with self._lock:
            ids = self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"]
        return len(ids) > window
