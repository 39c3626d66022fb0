"""Training checkpoints on the disk."""

import errno
from pathlib import Path

import pytest
import torch

from trainer.training_state import TrainingState, load_newest, save_state


def state(step: int) -> TrainingState:
    tensors = {"weight": torch.full((3,), float(step))}
    return TrainingState(step, {"losses": [step]}, tensors, tensors, {}, {"cpu": torch.get_rng_state()})


def test_what_is_saved_comes_back_and_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_state(tmp_path, state(step), "hash")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002", "step-000003"]
    found, skipped = load_newest(tmp_path, "hash")
    assert found
    assert skipped == []
    assert (found.step, found.facts, found.best) == (3, {"losses": [3]}, {})
    assert found.adapter["weight"].tolist() == [3.0, 3.0, 3.0]
    assert found.rng["cpu"].equal(torch.get_rng_state())


def test_half_written_ones_never_crowd_out_complete_ones(tmp_path: Path) -> None:
    for step in (1, 2, 5):
        save_state(tmp_path, state(step), "hash")
    (tmp_path / "step-000005" / "complete.json").unlink()
    save_state(tmp_path, state(3), "hash")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002", "step-000003"]


def test_a_full_disk_leaves_the_earlier_ones_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_state(tmp_path, state(1), "hash")
    synced = []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_state(tmp_path, state(2), "hash")
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
    found, _ = load_newest(tmp_path, "hash")
    assert found
    assert found.step == 1


def test_every_kind_of_damage_is_passed_over_with_its_reason(tmp_path: Path) -> None:
    save_state(tmp_path, state(1), "hash")
    target = save_state(tmp_path, state(2), "hash")
    whole = {path.name: path.read_bytes() for path in target.iterdir()}
    reasons = set()
    for name, data in whole.items():
        flipped = bytearray(data)
        flipped[len(flipped) // 2] ^= 1
        for damaged in (data[: len(data) // 2], bytes(flipped), None):
            if damaged is None:
                (target / name).unlink()
            else:
                (target / name).write_bytes(damaged)
            found, skipped = load_newest(tmp_path, "hash")
            assert found
            assert found.step == 1
            assert len(skipped) == 1
            reasons.add(skipped[0].split(": ")[1])
            (target / name).write_bytes(data)
    assert {"it is incomplete.", "moments.safetensors is missing.", "adapter.safetensors was changed."} <= reasons
    found, _ = load_newest(tmp_path, "hash")
    assert found
    assert found.step == 2


def test_nothing_is_stored_in_a_format_that_runs_code(tmp_path: Path) -> None:
    target = save_state(tmp_path, state(1), "hash")
    assert {path.suffix for path in target.iterdir()} == {".safetensors", ".json"}
    assert load_newest(tmp_path / "nothing", "hash") == (None, [])
