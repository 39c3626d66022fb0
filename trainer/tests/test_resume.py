"""Trainings that are stopped, and what they go on from."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from trainer.protocol import JobError
from trainer.sft import PlannedTrainer
from trainer.tests.amounts import amount, fault_seed, tell
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import failure, losses, run, train_spec

STOPS = 3  # in one training
TRAININGS = -(-amount("RESUME_POINTS", 3) // STOPS)


@pytest.mark.parametrize("seed", [fault_seed(3) + training for training in range(TRAININGS)])
def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(seed: int, toys: dict[str, str], tmp_path: Path) -> None:
    def stop_at(step: int) -> ChannelPair:
        def on_line(pair: ChannelPair, line: dict[str, Any]) -> None:
            if line["type"] == "metric" and line["step"] == step:
                pair.send(type="stop")

        return ChannelPair(on_line)

    model = {"gguf": f"{toys['llama']}/model.gguf"}
    steps = {"rule": "fixed", "count": 60}
    whole = run(train_spec(model, tmp_path / "whole", steps=steps))
    spec = train_spec(model, tmp_path / "parts", steps=steps)
    stopped_after = 0
    # Apart by more than the steps that pass between asking and stopping.
    for place in sorted(random.Random(seed).sample(range(3, 54, 8), STOPS)):
        pair = stop_at(place)
        error = failure(spec, pair)
        pair.drain()
        assert error.code == "E_STOPPED"
        now = pair.of("metric")[-1]["step"]
        assert stopped_after < now < 60
        assert f"step {now} of 60" in error.message
        stopped_after = now
    pair = ChannelPair()
    resumed = run(spec, pair)
    pair.drain()
    assert f"goes on after step {stopped_after}" in pair.notices()
    assert pair.of("metric")[0]["step"] == stopped_after + 1
    assert losses(resumed) == pytest.approx(losses(whole), abs=1e-6)
    assert len(losses(resumed)) == 60
    expected = load_file(tmp_path / "whole" / "adapter_model.safetensors")
    for name, weight in load_file(tmp_path / "parts" / "adapter_model.safetensors").items():
        assert float((weight - expected[name]).abs().max()) <= 1e-6
    tell("resumed trainings", tried=STOPS, seed=seed)


def test_a_stop_in_the_midst_of_a_step_saves_the_one_before_it(
    toys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    whole = run(train_spec(model, tmp_path / "whole"))
    said: list[str] = []
    left = threading.Event()
    compute = PlannedTrainer.training_step

    def hang_in_third(trainer: PlannedTrainer, *arguments: Any) -> torch.Tensor:
        if trainer.state.global_step == 2 and not left.is_set():
            torch.rand(1)
            pair.send(type="stop")
            assert left.wait(60), "the step was waited for"
        return compute(trainer, *arguments)

    def leave(error: JobError) -> None:
        said.append(error.message)
        left.set()

    monkeypatch.setattr(PlannedTrainer, "training_step", hang_in_third)
    pair = ChannelPair()
    pair.channel.abandon = leave
    spec = train_spec(model, tmp_path / "parts")
    error = failure(spec, pair)
    assert [error.message, *said] == ["Stopped after step 2 of 6, which is saved."] * 2
    again = ChannelPair()
    resumed = run(spec, again)
    again.drain()
    assert [metric["step"] for metric in again.of("metric")] == [3, 4, 5, 6]
    assert losses(resumed) == pytest.approx(losses(whole), abs=1e-6)


def test_a_stop_in_the_first_step_saves_nothing(toys: dict[str, str], tmp_path: Path) -> None:
    pair = ChannelPair(lambda pair, line: line.get("name") == "train" and pair.send(type="stop"))
    error = failure(train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path, accumulation=64), pair)
    assert error.message == "Stopped in the first step."
    assert not (tmp_path / "training").exists()


def test_a_half_written_training_checkpoint_is_passed_over(toys: dict[str, str], tmp_path: Path) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    spec = train_spec(model, tmp_path, saveSeconds=0)
    whole = run(spec)
    newest = tmp_path / "training" / "step-000006"
    (newest / "complete.json").unlink()
    pair = ChannelPair()
    again = run(spec, pair)
    pair.drain()
    assert "step-000006 was skipped: it is incomplete" in pair.notices()
    assert [metric["step"] for metric in pair.of("metric")] == [6]
    assert losses(again) == pytest.approx(losses(whole), abs=1e-6)


def test_a_finished_training_is_not_done_again(toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path)
    first = run(spec)
    pair = ChannelPair()
    assert losses(run(spec, pair)) == losses(first)
    pair.drain()
    assert pair.of("metric") == []


def test_another_spec_starts_afresh(toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path)
    run(spec)
    pair = ChannelPair()
    run(spec | {"learningRate": 1e-3}, pair)
    pair.drain()
    assert "belongs to another training" in pair.notices()
    assert len(pair.of("metric")) == 6


def test_with_less_memory_a_training_goes_on_where_it_was(toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path)
    run(spec)
    pair = ChannelPair()
    run(spec | {"microBatch": 1, "gradientCheckpointing": True, "threads": 1}, pair)
    pair.drain()
    assert "goes on after step 6" in pair.notices()
