"""Conversion of a model folder: the same model, in the kind of number wanted; what cannot be served is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGMLQuantizationType
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, LlamaForCausalLM

from trainer import convert
from trainer.base_model import load_base
from trainer.device import Device
from trainer.gguf_file import GgufFile
from trainer.gguf_vocabulary import TELLING
from trainer.protocol import JobError
from trainer.tests.channel_pair import ChannelPair

CPU = Device("cpu", torch.float32, 2)


@pytest.fixture
def copied(toys: dict[str, str], tmp_path: Path) -> Any:
    """A toy's folder to change, without its GGUF."""

    def copy(kind: str) -> Path:
        folder = Path(shutil.copytree(toys[kind], tmp_path / kind))
        (folder / "model.gguf").unlink()
        return folder

    return copy


def converted(folder: Path, precision: str = "F16") -> str:
    target = folder / "model.gguf"
    convert.run({"folder": str(folder), "target": str(target), "precision": precision}, ChannelPair().channel)
    assert not (folder / "model.gguf.part").exists()
    return str(target)


def changed(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), "utf-8")


def logits(source: dict[str, str]) -> torch.Tensor:
    base = load_base(source, CPU, "none")
    ids: Any = base.tokenizer(TELLING, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return base.model(ids).logits


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_in_float16_it_is_the_same_model(kind: str, copied: Any) -> None:
    folder = copied(kind)
    assert logits({"gguf": converted(folder)}).equal(logits({"folder": str(folder)}))


@pytest.mark.parametrize(("precision", "near"), [("Q8_0", 0.02), ("Q4_1", 0.2)])
def test_in_fewer_bits_it_is_nearly_the_same_model(precision: str, near: float, copied: Any) -> None:
    folder = copied("phi")
    stored = GgufFile(converted(folder, precision))
    kinds = {name: tensor.kind.name for name, tensor in stored.tensors.items()}
    assert kinds["blk.0.attn_q.weight"] == precision
    assert kinds["token_embd.weight"] == kinds["output.weight"] == "Q8_0"
    assert kinds["blk.0.attn_q.bias"] == kinds["blk.0.attn_norm.weight"] == "F32"
    theirs = load_file(folder / "model.safetensors")["model.layers.0.self_attn.dense.weight"]
    ours = torch.from_numpy(stored.array("blk.0.attn_output.weight"))
    assert 0 < ((ours - theirs).norm() / theirs.norm()).item() < near


def test_weights_in_several_files_are_put_together(copied: Any) -> None:
    folder = copied("llama")
    before = logits({"folder": str(folder)})
    LlamaForCausalLM.from_pretrained(folder).save_pretrained(folder, max_shard_size="1MB")
    (folder / "model.safetensors").unlink()
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert logits({"gguf": converted(folder)}).equal(before)


def test_a_model_with_more_tokens_than_its_tokenizer_gets_unused_ones(copied: Any) -> None:
    folder = copied("llama")
    model = LlamaForCausalLM.from_pretrained(folder)
    size = len(AutoTokenizer.from_pretrained(folder))
    model.resize_token_embeddings(size + 5)
    model.save_pretrained(folder)
    fields = GgufFile(converted(folder)).fields
    assert fields["tokenizer.ggml.tokens"][size - 1 :][1:] == [f"[PAD{size + index}]" for index in range(5)]
    assert fields["tokenizer.ggml.token_type"][-1] == 5


def test_small_models_are_served_in_eight_bits_and_phi_2_in_four() -> None:
    assert convert.kind_for(134_515_008) == GGMLQuantizationType.Q8_0
    assert convert.kind_for(2_779_683_840) == GGMLQuantizationType.Q4_1


def test_a_fused_qkv_is_refused_by_name(copied: Any) -> None:
    folder = copied("phi")
    tensors = load_file(folder / "model.safetensors")
    parts = [tensors.pop(f"model.layers.0.self_attn.{part}_proj.weight") for part in "qkv"]
    tensors["model.layers.0.self_attn.Wqkv.weight"] = torch.cat(parts)
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "E_STUDENT_UNSUITABLE", "in one tensor (model.layers.0.self_attn.Wqkv.weight)")


def test_what_is_missing_or_misshapen_is_refused_by_name(copied: Any) -> None:
    folder = copied("phi")
    tensors = load_file(folder / "model.safetensors")
    bias = tensors.pop("model.final_layernorm.bias")
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "E_MODEL_FILE", "lack the tensor model.final_layernorm.bias")
    save_file(tensors | {"model.final_layernorm.bias": bias[:-1]}, folder / "model.safetensors")
    refused(folder, "E_MODEL_FILE", "another shape")
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    refused(folder, "E_MODEL_FILE", "model.safetensors cannot be read")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"auto_map": {"AutoModel": "evil.Evil"}}, "E_UNSAFE_FORMAT", "code of its own"),
        ({"hidden_act": "relu"}, "E_STUDENT_UNSUITABLE", "the activation relu"),
        (
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
            "E_STUDENT_UNSUITABLE",
            "scaled rotary positions",
        ),
    ],
)
def test_variants_llama_cpp_would_compute_otherwise_are_refused(
    change: dict[str, Any], code: str, words: str, copied: Any
) -> None:
    folder = copied("llama")
    changed(folder, "config.json", **change)
    refused(folder, code, words)


def test_a_tokenizer_of_another_kind_is_refused(copied: Any) -> None:
    folder = copied("llama")
    Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>")).save(str(folder / "tokenizer.json"))
    refused(folder, "E_STUDENT_UNSUITABLE", "byte-level BPE")


def test_another_way_of_splitting_is_refused(copied: Any) -> None:
    folder = copied("llama")
    path = folder / "tokenizer.json"
    stored = json.loads(path.read_text("utf-8"))
    stored["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    path.write_text(json.dumps(stored), "utf-8")
    refused(folder, "E_STUDENT_UNSUITABLE", "splits text")


def test_a_stop_leaves_no_model_behind(copied: Any) -> None:
    folder, pair = copied("llama"), ChannelPair()
    pair.channel.stopped.set()
    with pytest.raises(JobError) as stopped:
        convert.run({"folder": str(folder), "target": str(folder / "model.gguf"), "precision": "Q8_0"}, pair.channel)
    assert stopped.value.code == "E_STOPPED"
    assert not (folder / "model.gguf").exists()


def refused(folder: Path, code: str, words: str) -> None:
    with pytest.raises(JobError) as error:
        converted(folder)
    assert error.value.code == code
    assert words in str(error.value)
    assert not (folder / "model.gguf").exists()
