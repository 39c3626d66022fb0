"""The whole job `train` on toy models, in float32 on the CPU."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainer.base_model import open_base
from trainer.preflight import prepare
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import FACTS, failure, losses, row, run, student_gguf, train_spec


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_a_training_learns_and_leaves_the_adapter(kind: str, toys: dict[str, str], tmp_path: Path) -> None:
    pair = ChannelPair()
    steps = {"rule": "fixed", "count": 40}
    result = run(train_spec({"gguf": f"{toys[kind]}/model.gguf"}, tmp_path, steps=steps, learningRate=0.02), pair)
    pair.drain()
    assert pair.notices().count("Memory measured after the first step: ") == 1
    assert losses(result)[-1] < 0.6 * losses(result)[0]
    assert result["finalLoss"] == losses(result)[-1]
    assert (result["steps"], result["plannedSteps"], result["rows"], result["rowsTooLong"]) == (40, 40, 6, 0)
    assert (result["device"], result["dtype"], result["exactResume"]) == ("cpu", "float32", True)
    assert result["quantization"] == "the GGUF's own values"
    assert result["modules"] == (
        ["q_proj", "v_proj", "k_proj", "dense", "fc1", "fc2"] if kind == "phi" else train_spec({}, tmp_path)["roles"]
    )
    metrics = pair.of("metric")
    assert [metric["step"] for metric in metrics] == list(range(1, 41))
    assert [metric["loss"] for metric in metrics] == losses(result)
    assert metrics[10]["learningRate"] > metrics[-1]["learningRate"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "adapter.gguf",
        "spec.json",
        "training",
    }
    weights = load_file(tmp_path / "adapter_model.safetensors")
    assert sum(weight.numel() for weight in weights.values()) == result["trainableParameters"]


def test_files_name_no_path_and_the_effective_settings(toys: dict[str, str], tmp_path: Path) -> None:
    run(train_spec({"gguf": f"{toys['phi']}/model.gguf"}, tmp_path))
    facts = json.loads((tmp_path / "spec.json").read_text())
    assert facts["effective"]["microBatch"] * facts["effective"]["accumulation"] == 4
    assert facts["spec"]["rows"]["count"] == len(FACTS)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "model.gguf"
    assert config["target_modules"] == sorted(config["target_modules"])
    for name in ("spec.json", "adapter_config.json"):
        assert str(Path(toys["phi"]).parent) not in (tmp_path / name).read_text()


def test_the_same_seed_gives_the_same_bytes(toys: dict[str, str], tmp_path: Path) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(train_spec(model, tmp_path / name, seed=seed))
    files = [(tmp_path / name / "adapter.gguf").read_bytes() for name in "abc"]
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_a_loss_that_is_no_number_ends_before_the_step_is_applied(toys: dict[str, str], tmp_path: Path) -> None:
    pair = ChannelPair()
    error = failure(train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path, learningRate=1e37), pair)
    pair.drain()
    assert error.code == "E_LOSS_NAN"
    assert "step 2" in error.message
    assert "at learning rate 8.33e+36" in error.message  # the planned rate of that step
    assert "step 1 is the last good one" in error.message
    assert [metric["step"] for metric in pair.of("metric")] == [1]
    kept = [path.name for path in (tmp_path / "training").iterdir()]
    assert kept == ["step-000001"]
    state = json.loads((tmp_path / "training" / "step-000001" / "state.json").read_text())
    assert state["step"] == 1
    assert not (tmp_path / "adapter.gguf").exists()


def test_auto_ends_when_the_held_back_loss_stands_still_and_keeps_the_best(
    toys: dict[str, str], tmp_path: Path
) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    steps = {"rule": "auto", "passes": 10, "patience": 2}
    pair = ChannelPair()
    result = run(train_spec(model, tmp_path / "auto", steps=steps, learningRate=1e-9), pair)
    pair.drain()
    # six rows, four a step: passes end with steps 2, 3 and 5; the second and third bring nothing new
    assert (result["steps"], result["plannedSteps"]) == (5, 15)
    assert pair.notices().count("Held-back loss") == 3
    assert "The adapter of step 2 is kept" in pair.notices()
    kept = load_file(tmp_path / "auto" / "adapter_model.safetensors")
    best = load_file(tmp_path / "auto" / "training" / "step-000005" / "best.safetensors")
    last = load_file(tmp_path / "auto" / "training" / "step-000005" / "adapter.safetensors")
    name = next(name for name in best if "lora_A" in name)
    assert kept[name.replace(".default.", ".")].equal(best[name])
    assert not best[name].equal(last[name])


def test_auto_goes_through_all_passes_while_it_helps(toys: dict[str, str], tmp_path: Path) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    steps = {"rule": "auto", "passes": 4, "patience": 2}
    result = run(train_spec(model, tmp_path, steps=steps, learningRate=5e-3))
    assert (result["steps"], result["plannedSteps"]) == (6, 6)


def test_long_rows_are_left_out_and_counted(toys: dict[str, str], tmp_path: Path) -> None:
    model = {"gguf": f"{toys['llama']}/model.gguf"}
    spec = train_spec(model, tmp_path)
    pair = ChannelPair()
    long = row("What?", "on and " * 200 + "on.")
    rows = [*spec["rows"], {**long, "name": "What is it?"}]
    result = run(spec | {"rows": rows, "heldBack": [*spec["heldBack"], long]}, pair)
    pair.drain()
    assert (result["rows"], result["rowsTooLong"]) == (6, 2)
    assert result["leftOut"] == ["What is it?", "held-back row 3"]
    assert "Left out, longer than 256 tokens: 2 of 10 rows: What is it?; held-back row 3" in pair.notices()
    error = failure(spec | {"maxLength": 8})
    assert error.code == "E_TRAINER"
    assert "All 6 training rows are longer than 8 tokens" in error.message


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_the_ways_to_save_memory_change_no_loss(kind: str, toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys[kind]}/model.gguf"}, tmp_path / "fast")
    expected = losses(run(spec))
    for name, change in (("one", {"microBatch": 1}), ("again", {"microBatch": 2, "gradientCheckpointing": True})):
        found = losses(run(spec | change | {"output": str(tmp_path / name)}))
        assert found == pytest.approx(expected, abs=1e-4)
        facts = json.loads((tmp_path / name / "spec.json").read_text())["effective"]
        assert facts["microBatch"] == change["microBatch"]
        assert facts["gradientCheckpointing"] == ("gradientCheckpointing" in change)


def test_four_bit_training_works_on_the_cpu(toys: dict[str, str], tmp_path: Path) -> None:
    steps = {"rule": "fixed", "count": 40}
    spec = train_spec({"folder": toys["phi"]}, tmp_path, steps=steps, quantization="nf4", learningRate=0.02)
    result = run(spec)
    assert result["quantization"] == "NF4 (bitsandbytes)"
    assert result["modules"] == ["q_proj", "v_proj", "k_proj", "dense", "fc1", "fc2"]
    assert losses(result)[-1] < 0.6 * losses(result)[0]
    weights = load_file(tmp_path / "adapter_model.safetensors")
    assert {str(weight.dtype) for weight in weights.values()} == {"torch.float32"}


def test_weights_that_do_not_fit_unpacked_are_held_in_nf4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit lies below what the unpacked weights alone take; nothing that only slows a training would help."""
    rows = [row("Who opens it?", "Nobody opens it.")]
    steps = {"rule": "fixed", "count": 2}
    spec = train_spec({"gguf": student_gguf()}, tmp_path, rows=rows, heldBack=[], steps=steps, accumulation=1)
    slower = {"microBatch": 1, "gradientCheckpointing": True}
    ladder = [slower, slower | {"quantization": "nf4", "microBatch": None, "gradientCheckpointing": False}]
    source = open_base(spec["model"])
    estimates = [prepare(spec | change, source).estimate for change in ({}, *ladder)]
    unpacked, packed = estimates[0].weights, estimates[-1].weights
    # 134,515,008 values in float32; 106,168,320 of them are those of linear layers
    assert unpacked == 4 * 134_515_008
    assert packed < unpacked - 3.4 * 106_168_320
    limit = estimates[0].program + unpacked
    assert estimates[-1].total < limit < min(estimate.total for estimate in estimates[:-1])
    monkeypatch.setattr("trainer.preflight.memory_limit", lambda *_: limit)
    pair = ChannelPair()
    result = run(spec | {"ladder": ladder, "ranOut": None}, pair)
    pair.drain()
    (plan,) = pair.of("plan")
    assert plan["rung"] == 2
    assert plan["parts"]["weights"] == packed
    assert result["quantization"] == "NF4 (bitsandbytes)"
    assert losses(result)[-1] < losses(result)[0]


@pytest.mark.parametrize("quantization", ["gguf", "nf4"])
def test_float16_training_keeps_float32_masters_and_small_gradients(
    quantization: str, toys: dict[str, str], tmp_path: Path
) -> None:
    """As on a GPU without bfloat16, but on the CPU."""
    model = {"folder": toys["phi"]}
    spec = train_spec(model, tmp_path / "half", quantization=quantization, learningRate=0.01)
    expected = losses(run(spec | {"output": str(tmp_path / "full")}))
    result = run(spec | {"dtype": "float16"})
    assert result["dtype"] == "float16"
    assert losses(result) == pytest.approx(expected, rel=0.05)
    facts = json.loads((tmp_path / "half" / "spec.json").read_text())["effective"]
    assert facts["lossScale"] > 1
    weights = load_file(tmp_path / "half" / "adapter_model.safetensors")
    changed = [weight for name, weight in weights.items() if "lora_A" in name]
    assert all(weight.dtype == torch.float32 and not weight.equal(weight.half().float()) for weight in changed)


def test_a_model_that_passes_float16_is_trained_in_float32(
    toys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "loud"
    shutil.copytree(toys["llama"], folder)
    weights = load_file(folder / "model.safetensors")
    for name in weights:
        if "v_proj" in name or "up_proj" in name:
            weights[name] = weights[name] * 30_000
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    spec = train_spec({"folder": str(folder)}, tmp_path / "out", steps={"rule": "fixed", "count": 1})
    error = failure(spec | {"dtype": "float16"})
    assert error.code == "E_LOSS_NAN"
    assert "before the first step" in error.message
    # On a GPU without bfloat16 the job chooses float16 by itself.
    monkeypatch.setattr("trainer.device.best_dtype", lambda _: torch.float16)
    pair = ChannelPair()
    result = run(spec | {"dtype": "auto"}, pair)
    pair.drain()
    assert result["dtype"] == "float32"
    assert "it is trained in float32" in pair.notices()
    assert len(pair.of("plan")) == 2


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_a_paged_optimizer_and_embeddings_elsewhere_learn_as_well(
    kind: str, toys: dict[str, str], tmp_path: Path
) -> None:
    steps = {"rule": "fixed", "count": 30}
    spec = train_spec({"folder": toys[kind]}, tmp_path / "plain", steps=steps, rank=64, learningRate=0.01)
    expected = losses(run(spec))
    lean = spec | {"optimizer": "paged8bit", "embeddingsOnCpu": True, "output": str(tmp_path / "lean")}
    found = run(lean)
    assert losses(found)[0] == pytest.approx(expected[0], abs=1e-5)
    assert losses(found)[-1] < 0.6 * losses(found)[0]
    facts = json.loads((tmp_path / "lean" / "spec.json").read_text())["effective"]
    assert "paged 8-bit" in facts["optimizer"]
    pair = ChannelPair()
    run(lean | {"optimizer": "float32"}, pair)  # the same training, and its checkpoint fits the other optimizer
    pair.drain()
    assert "goes on after step 30" in pair.notices()


def test_bfloat16_training_keeps_float32_masters(toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path, dtype="bfloat16", learningRate=1e-6)
    result = run(spec)
    assert result["dtype"] == "bfloat16"
    weights = load_file(tmp_path / "adapter_model.safetensors")
    changed = [weight for name, weight in weights.items() if "lora_A" in name]
    # steps of a millionth are below bfloat16's grain around these weights: only float32 holds them
    assert all(not weight.equal(weight.bfloat16().float()) for weight in changed)


def test_a_rung_that_leaves_no_row_is_not_climbed(toys: dict[str, str], tmp_path: Path) -> None:
    spec = train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path)
    # The first one saves nothing over what the memory was not enough for; the next would be shorter than every row.
    again = {"ranOut": {"maxLength": spec["maxLength"]}, "ladder": [{"maxLength": 4}]}
    pair = ChannelPair()
    assert len(losses(run(spec | again, pair))) == spec["steps"]["count"]
    pair.drain()
    (plan,) = pair.of("plan")
    assert (plan["rung"], len(plan["tried"])) == (0, 1)
    modules = {"ranOut": again["ranOut"], "ladder": [{"roles": ["no_such_module"]}]}
    assert failure(train_spec(spec["model"], tmp_path / "other") | modules).code == "E_MODULES"
