"""GGUF files in and out: toy models, their adapters, damage."""

import random
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from gguf.quants import dequantize
from safetensors.torch import load_file

from trainer import train
from trainer.base_model import load_base
from trainer.device import Device
from trainer.gguf_file import GgufFile
from trainer.gguf_model import permute_rows, unpermute_rows
from trainer.protocol import JobError
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import row, student_gguf, train_spec

CPU = Device("cpu", torch.float32, 2)


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_the_folder_and_the_gguf_of_a_toy_are_one_model(kind: str, toys: dict[str, str]) -> None:
    from_folder = load_base({"folder": toys[kind]}, CPU, "none")
    from_gguf = load_base({"gguf": f"{toys[kind]}/model.gguf"}, CPU, "none")
    text = "".join(row("Wie viel ist 1234 + 5?\n\n  ünïcode 🙂", "Viel.").values())
    ids: Any = from_folder.tokenizer(text, return_tensors="pt")["input_ids"]
    assert from_gguf.tokenizer(text)["input_ids"] == ids[0].tolist()
    with torch.no_grad():
        assert from_folder.model(ids).logits.equal(from_gguf.model(ids).logits)
    assert not any(weight.requires_grad for weight in from_gguf.model.parameters())


def test_the_student_is_read_as_the_gguf_package_reads_it() -> None:
    ours, theirs = GgufFile(student_gguf()), gguf.GGUFReader(student_gguf())
    assert set(ours.tensors) == {tensor.name for tensor in theirs.tensors}
    for tensor in theirs.tensors:
        if tensor.name.startswith("blk.0.") or tensor.name == "output_norm.weight":
            assert (ours.array(tensor.name) == dequantize(tensor.data, tensor.tensor_type)).all()
    for name, field in theirs.fields.items():
        if not name.startswith("GGUF."):
            assert ours.fields[name] == field.contents()


def test_permuting_rows_is_undone() -> None:
    weight = torch.arange(24.0).reshape(12, 2)
    assert unpermute_rows(permute_rows(weight, 2), 2).equal(weight)
    # of six rows of a head the first half and the second take turns
    assert permute_rows(weight, 2)[:6, 0].tolist() == [0, 6, 2, 8, 4, 10]


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_the_adapter_has_the_names_and_rows_llama_cpp_wants(kind: str, toys: dict[str, str], tmp_path: Path) -> None:
    train.run(train_spec({"gguf": f"{toys[kind]}/model.gguf"}, tmp_path), ChannelPair().channel)
    adapter, base = GgufFile(str(tmp_path / "adapter.gguf")), GgufFile(f"{toys[kind]}/model.gguf")
    assert adapter.fields["general.type"] == "adapter"
    assert adapter.fields["adapter.type"] == "lora"
    assert adapter.fields["adapter.lora.alpha"] == 8.0
    assert adapter.fields["general.architecture"] == base.fields["general.architecture"]
    names = {"llama": "attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down"}.get(
        kind, "attn_q attn_k attn_v attn_output ffn_up ffn_down"
    )
    assert set(adapter.tensors) == {
        f"blk.{layer}.{name}.weight.lora_{half}" for layer in (0, 1) for name in names.split() for half in "ab"
    }
    for name, tensor in adapter.tensors.items():
        rows, columns = base.tensors[name.rsplit(".", 1)[0]].shape
        assert tensor.shape == ((4, columns) if name.endswith("a") else (rows, 4))
    saved = load_file(tmp_path / "adapter_model.safetensors")
    b = saved["base_model.model.model.layers.1.self_attn.k_proj.lora_B.weight"]
    written = torch.from_numpy(adapter.array("blk.1.attn_k.weight.lora_b"))
    assert written.equal(permute_rows(b, 2) if kind == "llama" else b)
    assert bool(b.any())


def test_damaged_files_are_named_errors(toys: dict[str, str], tmp_path: Path) -> None:
    whole = Path(toys["phi"], "model.gguf").read_bytes()
    chance = random.Random(3)
    target = tmp_path / "bad.gguf"
    refused = 0
    for number in range(60):
        data = bytearray(whole[:3000] if number % 3 == 0 else whole)
        place = chance.randrange(0, 3000)
        data[place : place + 8] = chance.randbytes(8)
        target.write_bytes(data if number % 3 else data[: chance.randrange(0, 3000)])
        if (error := what_reading_raises(str(target))) is not None:
            assert error.code == "E_MODEL_FILE"
            assert "bad.gguf" in error.message
            refused += 1
    assert refused >= 20  # every cut file, and what hit a length


def test_a_file_that_is_not_there_or_empty_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").write_bytes(b"")
    for name in ("none.gguf", "empty.gguf"):
        error = what_reading_raises(str(tmp_path / name))
        assert error is not None
        assert (error.code, error.message) == ("E_MODEL_FILE", f"There is no readable model file {name}.")


def what_reading_raises(path: str) -> JobError | None:
    """Anything but a JobError fails the test."""
    try:
        file = GgufFile(path)
        for name in list(file.tensors)[:3]:
            file.array(name)
    except JobError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"config.json": '{"model_type":"phi","auto_map":{"AutoModel":"x.Y"}}'}, "E_UNSAFE_FORMAT"),
        ({"config.json": '{"model_type":"phi"}', "pytorch_model.bin": "pickle"}, "E_UNSAFE_FORMAT"),
        ({"config.json": '{"model_type":"other"}'}, "E_STUDENT_UNSUITABLE"),
        ({"config.json": "{"}, "E_MODEL_FILE"),
        ({}, "E_MODEL_FILE"),
    ],
)
def test_folders_that_ask_for_code_or_hold_none_are_refused(change: dict[str, str], code: str, tmp_path: Path) -> None:
    for name, text in change.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(JobError) as error:
        load_base({"folder": str(tmp_path)}, CPU, "none")
    assert error.value.code == code
