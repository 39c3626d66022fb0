"""Damaged and hostile safetensors: each loads or gives a named error, in this very process and in bounded memory."""

import copy
import hashlib
import json
import random
import resource
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import parity, train
from trainer.adapter_files import read_adapter
from trainer.base_model import load_base
from trainer.device import Device
from trainer.gguf_file import GgufFile
from trainer.merge import read_back
from trainer.protocol import JobError
from trainer.tests.amounts import amount, fault_seed, tell
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.damage import MUTATIONS
from trainer.tests.samples import train_spec
from trainer.training_state import load_newest

CPU = Device("cpu", torch.float32, 2)
FILES = amount("HOSTILE_WEIGHTS", 60)
CODES = ("E_MODEL_FILE", "E_UNSAFE_FORMAT")
MOST_MEMORY = 600 * 1024  # KiB above what the whole files take


@pytest.fixture
def bounded() -> Iterator[None]:
    """Fails the test when memory grew as no damaged small file may make it grow."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


@pytest.fixture(scope="module")
def adapter(toys: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    train.run(train_spec({"gguf": f"{toys['llama']}/model.gguf"}, folder), ChannelPair().channel)
    return folder


def ending(work: Callable[[], object]) -> str:
    """The code of the error it ends with, or "loaded". Anything but a JobError fails the test."""
    found: JobError | None = None
    try:
        work()
    except JobError as error:
        found = error
    if found is None:
        return "loaded"
    assert found.code in CODES
    assert 10 < len(found.message) < 600
    return found.code


def damage_all(path: Path, work: Callable[[], object], seed: int, count: int) -> Counter[str]:
    """Every mutation in turn; the file is whole again afterwards."""
    whole = path.read_bytes()
    chance = random.Random(seed)
    ends: Counter[str] = Counter()
    for number in range(count):
        kind = list(MUTATIONS)[number % len(MUTATIONS)]
        path.write_bytes(MUTATIONS[kind](whole, chance))
        try:
            ends[end := ending(work)] += 1
        except Exception as error:
            raise AssertionError(f"{kind} at number {number} of seed {seed}") from error
        if kind not in ("flipped", "scattered", "deleted", "doubled", "extra", "twice"):
            assert end != "loaded", f"{kind} at number {number} of seed {seed}"
    path.write_bytes(whole)
    assert ending(work) == "loaded"
    return ends


def test_damaged_base_weights(toys: dict[str, str], tmp_path: Path, bounded: None) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toys["llama"], folder, ignore=shutil.ignore_patterns("*.gguf"))
    seed = fault_seed(31)
    count = FILES // 3
    path = folder / "model.safetensors"
    ends = damage_all(path, lambda: load_base({"folder": str(folder)}, CPU, "none"), seed, count)
    assert ends["E_MODEL_FILE"] > count / 2
    tell("damaged base weights", tried=count, seed=seed, **ends)


def test_damaged_adapter_files(toys: dict[str, str], adapter: Path, tmp_path: Path, bounded: None) -> None:
    base = GgufFile(f"{toys['llama']}/model.gguf")
    seed = fault_seed(32)
    count = FILES // 3
    path = adapter / "adapter_model.safetensors"
    ends = damage_all(path, lambda: read_back(adapter, base, tmp_path / "back.gguf"), seed, count)
    assert ends["E_MODEL_FILE"] > count / 2
    tell("damaged adapters read back", tried=count, seed=seed, **ends)


def test_damaged_adapter_files_on_a_model(toys: dict[str, str], adapter: Path, bounded: None) -> None:
    seed = fault_seed(33)
    count = FILES - FILES // 3 * 2
    path = adapter / "adapter_model.safetensors"
    base = load_base({"gguf": f"{toys['llama']}/model.gguf"}, CPU, "none").model
    ends = damage_all(path, lambda: parity.with_adapter(copy.deepcopy(base), adapter), seed, count)
    assert ends["E_MODEL_FILE"] > count / 2
    tell("damaged adapters on a model", tried=count, seed=seed, **ends)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"num_hidden_layers": 10**9}, "E_MODEL_FILE"),
        ({"num_hidden_layers": 1}, "loaded"),  # a model cut short on purpose: what is left over is not used
        ({"num_hidden_layers": "2"}, "E_MODEL_FILE"),
        ({"vocab_size": 10**15}, "E_MODEL_FILE"),
        ({"vocab_size": 49_151}, "E_MODEL_FILE"),
        ({"hidden_size": -64}, "E_MODEL_FILE"),
        ({"intermediate_size": 10**12}, "E_MODEL_FILE"),
        ({"num_attention_heads": 0}, "E_MODEL_FILE"),
        ({"head_dim": 10**9}, "E_MODEL_FILE"),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1e9}}, "loaded"),
        ({"rope_parameters": {"rope_type": "none such"}}, "E_MODEL_FILE"),
        ({"hidden_act": "none such"}, "E_MODEL_FILE"),
        ({"model_type": ["llama"]}, "E_MODEL_FILE"),
        ({"model_type": "llama\nphi"}, "E_MODEL_FILE"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "E_UNSAFE_FORMAT"),
        ({"_attn_implementation_internal": "owner/kernel"}, "E_UNSAFE_FORMAT"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "E_MODEL_FILE"),
    ],
)
def test_a_configuration_that_does_not_fit(
    change: dict[str, Any], code: str, toys: dict[str, str], tmp_path: Path, bounded: None
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toys["llama"], folder, ignore=shutil.ignore_patterns("*.gguf"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    assert ending(lambda: load_base({"folder": str(folder)}, CPU, "none")) == code


def test_rotary_tables_larger_than_the_model_are_refused(toys: dict[str, str], tmp_path: Path, bounded: None) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toys["phi"], folder, ignore=shutil.ignore_patterns("*.gguf"))
    config = json.loads((folder / "config.json").read_text())
    config["rope_parameters"]["partial_rotary_factor"] = 1e9
    (folder / "config.json").write_text(json.dumps(config))
    assert ending(lambda: load_base({"folder": str(folder)}, CPU, "none")) == "E_MODEL_FILE"


def test_an_index_or_an_adapter_never_leads_to_other_files(toys: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toys["llama"], folder, ignore=shutil.ignore_patterns("*.gguf"))

    def work() -> object:
        return load_base({"folder": str(folder)}, CPU, "none")

    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": toys["llama"]}))
    assert ending(work) == "E_MODEL_FILE"
    (folder / "adapter_config.json").unlink()
    weights = (folder / "model.safetensors").rename(folder / "part-1.safetensors")
    names = list(json.loads(weights.read_bytes()[8 : 8 + int.from_bytes(weights.read_bytes()[:8], "little")]))[1:]
    for place, code in {
        "part-1.safetensors": "loaded",
        "part-2.safetensors": "E_MODEL_FILE",
        "../model/part-1.safetensors": "E_UNSAFE_FORMAT",
        str(weights): "E_UNSAFE_FORMAT",
        "part-1.bin": "E_UNSAFE_FORMAT",
    }.items():
        index = {"metadata": {}, "weight_map": dict.fromkeys(names, place)}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        assert ending(work) == code, place
    (folder / "model.safetensors.index.json").write_text('{"weight_map": [')
    assert ending(work) == "E_MODEL_FILE"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"r": 10**9}, "E_MODEL_FILE"),
        ({"r": "4"}, "E_MODEL_FILE"),
        ({"lora_alpha": float("nan")}, "E_MODEL_FILE"),
        ({"lora_alpha": None}, "E_MODEL_FILE"),
        ({"lora_alpha": 10**400}, "E_MODEL_FILE"),
        ({"target_modules": "(a+)+$"}, "E_MODEL_FILE"),
        ({"target_modules": ["q_proj"]}, "E_MODEL_FILE"),
        ({"modules_to_save": ["lm_head"]}, "E_UNSAFE_FORMAT"),
        ({"use_dora": True}, "E_UNSAFE_FORMAT"),
        ({"init_lora_weights": "pissa"}, "E_UNSAFE_FORMAT"),
        ({"auto_mapping": {"base_model_class": "x", "parent_library": "os"}}, "E_UNSAFE_FORMAT"),
        ({"peft_type": "ADALORA"}, "E_UNSAFE_FORMAT"),
        ({"base_model_name_or_path": "https://elsewhere.invalid/model"}, "loaded"),
    ],
)
def test_an_adapter_configuration_that_does_not_fit(
    change: dict[str, Any], code: str, toys: dict[str, str], adapter: Path, tmp_path: Path, bounded: None
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(adapter, folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | change))
    base = load_base({"gguf": f"{toys['llama']}/model.gguf"}, CPU, "none").model
    assert ending(lambda: parity.with_adapter(base, folder)) == code


def test_an_adapter_of_another_model_or_with_numbers_that_are_none(
    toys: dict[str, str], adapter: Path, tmp_path: Path
) -> None:
    phi = load_base({"gguf": f"{toys['phi']}/model.gguf"}, CPU, "none").model
    assert ending(lambda: parity.with_adapter(phi, adapter)) == "E_MODEL_FILE"
    assert ending(lambda: read_back(adapter, GgufFile(f"{toys['phi']}/model.gguf"), tmp_path / "x")) == "E_MODEL_FILE"
    folder = tmp_path / "infinite"
    shutil.copytree(adapter, folder)
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\x00\x00\x80\x7f")
    assert ending(lambda: read_adapter(folder)) == "E_MODEL_FILE"


def test_a_training_checkpoint_that_was_made_up_is_passed_over(adapter: Path, tmp_path: Path) -> None:
    """Hashes that fit say nothing of who wrote them."""
    target = tmp_path / "step-000003"
    target.mkdir()
    weights = (adapter / "adapter_model.safetensors").read_bytes()
    for state, tensors in (("[]", weights), ("{}", weights), ("[" * 100_000, weights), ('{"spec": "hash"}', b"")):
        files = dict.fromkeys(("adapter", "moments", "best", "rng"), tensors)
        contents = {f"{name}.safetensors": data for name, data in files.items()} | {"state.json": state.encode()}
        for name, data in contents.items():
            (target / name).write_bytes(data)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
        (target / "complete.json").write_text(json.dumps({"version": 1, "files": hashes}))
        state_found, skipped = load_newest(tmp_path, "hash")
        assert state_found is None
        assert skipped == ["The training checkpoint step-000003 was skipped: it is of another kind."]
