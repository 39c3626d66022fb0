"""How a training's course is judged."""

from pathlib import Path

import pytest
import torch

from trainer import device
from trainer.course import Course
from trainer.device import Device, best_dtype, choose_device, granted_cores, granted_memory, usable_cores
from trainer.failures import describe
from trainer.protocol import JobError
from trainer.schedule import rate_factor


def course(losses: list[float]) -> Course:
    return Course([{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)])


def test_a_loss_diverges_after_twenty_steps_above_three_times_its_median() -> None:
    assert not course([1.0] * 40).diverges()
    assert not course([1.0] * 30 + [3.1] * 19).diverges()
    assert course([1.0] * 30 + [3.1] * 20).diverges()


def test_a_loss_that_is_hardly_lower_is_no_better_one() -> None:
    found = Course()
    for step, loss in enumerate((2.0, 1.0, 0.9999, 1.5), 1):
        found.losses.append({"step": step, "loss": 0.0})
        found.look(loss, lambda step=step: {"weight": torch.tensor(step)}, 2)
        assert found.ended_early == (step == 4)
    assert found.best_step == 2
    assert int(found.best["weight"]) == 2


def test_the_learning_rate_rises_shortly_and_falls_to_nearly_nothing() -> None:
    factors = [rate_factor(step, 100) for step in range(100)]
    assert max(factors) == 1.0
    assert factors[0] < factors[3] < 1
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert 0 < factors[-1] < 0.02
    assert [rate_factor(0, 1)] == [1.0]


def test_device_dtype_and_threads_are_what_is_there() -> None:
    found = choose_device({"device": "cpu"})
    assert found == Device("cpu", best_dtype("cpu"), usable_cores())
    assert found.name == "cpu"
    assert torch.get_num_threads() == found.threads >= 1
    assert choose_device({"device": "cpu", "dtype": "float32", "threads": 1}) == Device("cpu", torch.float32, 1)
    choose_device({"device": "cpu"})
    assert granted_cores() is None or usable_cores() <= (granted_cores() or 0)


def test_limits_of_a_container_are_kept_and_no_limit_is_made_of_files_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "CGROUP", tmp_path)
    assert (granted_cores(), granted_memory()) == (None, None)
    (tmp_path / "memory.stat").write_text("file 900\nanon 300\nkernel 7\n")
    for cores, memory, expected in (
        ("150000 100000\n", "1000\n", (2, 700)),
        ("max 100000\n", "max\n", (None, None)),
        ("", "", (None, None)),
        ("much of it", "\ufffd", (None, None)),
    ):
        (tmp_path / "cpu.max").write_text(cores)
        (tmp_path / "memory.max").write_text(memory, "utf-8")
        assert (granted_cores(), granted_memory()) == expected


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (JobError("E_MODULES", "x"), "E_MODULES"),
        (MemoryError(), "E_OUT_OF_MEMORY"),
        (torch.OutOfMemoryError("CUDA out of memory."), "E_OUT_OF_MEMORY"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), "E_OUT_OF_MEMORY"),
        (ModuleNotFoundError("No module named 'peft'"), "E_PY_ENV"),
        (OSError(28, "No space left on device"), "E_DISK_FULL"),
        (ZeroDivisionError("division by zero\nsecond line"), "E_TRAINER"),
    ],
)
def test_every_failure_has_a_code_and_one_line(error: BaseException, code: str) -> None:
    found, sentence = describe(error)
    assert found == code
    assert sentence
    assert "\n" not in sentence


def test_a_gpu_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        assert choose_device({"device": "cuda"}).kind == "cuda"
        return
    with pytest.raises(JobError) as error:
        choose_device({"device": "cuda"})
    assert error.value.code == "E_PY_ENV"
