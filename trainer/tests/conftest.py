"""Toy models, made once a session."""

import pytest

from trainer import toy
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import student_gguf


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folder of the toy model by kind; each holds `model.gguf` too."""
    root = tmp_path_factory.mktemp("toys")
    for kind in ("phi", "llama"):
        spec = {"kind": kind, "tokenizerGguf": student_gguf(), "output": str(root / kind), "seed": 5}
        assert toy.run(spec, ChannelPair().channel)["parameters"] > 0
    return {kind: str(root / kind) for kind in ("phi", "llama")}
