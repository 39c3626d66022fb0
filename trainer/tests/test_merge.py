"""The job `merge`: a merged GGUF against PEFT's own merge, and PEFT's files read back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from peft import PeftModel

from trainer import merge, train
from trainer.base_model import load_base
from trainer.device import Device
from trainer.protocol import JobError
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import train_spec

CPU = Device("cpu", torch.float32, 2)


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_it_holds_what_peft_merges(kind: str, toys: dict[str, str], tmp_path: Path) -> None:
    base = f"{toys[kind]}/model.gguf"
    adapter, merged = str(tmp_path / "adapter.gguf"), str(tmp_path / "merged.gguf")
    train.run(train_spec({"gguf": base}, tmp_path, learningRate=0.05), ChannelPair().channel)
    spec = {"gguf": base, "adapter": adapter, "merged": merged, "precision": "base"}
    assert merge.run(spec, ChannelPair().channel) == {"kinds": ["F16"]}
    with_adapter: Any = PeftModel.from_pretrained(load_base({"gguf": base}, CPU, "none").model, str(tmp_path))
    expected = dict(with_adapter.merge_and_unload().named_parameters())
    untouched = dict(load_base({"gguf": base}, CPU, "none").model.named_parameters())
    changed = 0
    for name, values in load_base({"gguf": merged}, CPU, "none").model.named_parameters():
        torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-4)
        changed += not values.equal(untouched[name])
    assert changed == (14 if kind == "llama" else 12)
    back = tmp_path / "back.gguf"
    assert merge.run({"gguf": base, "peft": str(tmp_path), "adapterGguf": str(back)}, ChannelPair().channel)
    ours, served = merge.deltas(merge.GgufFile(str(back))), merge.deltas(merge.GgufFile(adapter))
    assert ours.keys() == served.keys()
    assert all((ours[name] == served[name]).all() for name in served)


def test_an_adapter_of_another_model_is_refused(toys: dict[str, str], tmp_path: Path) -> None:
    train.run(train_spec({"gguf": f"{toys['llama']}/model.gguf"}, tmp_path), ChannelPair().channel)
    spec = {"gguf": f"{toys['phi']}/model.gguf", "adapter": str(tmp_path / "adapter.gguf"), "precision": "base"}
    with pytest.raises(JobError) as error:
        merge.run(spec | {"merged": str(tmp_path / "merged.gguf")}, ChannelPair().channel)
    assert error.value.code == "E_MODEL_FILE"


def test_a_kind_of_number_that_cannot_be_written_becomes_a_finer_one() -> None:
    values = np.linspace(-1, 1, 512, dtype=np.float32).reshape(2, 256)
    for kind, expected in ((GGMLQuantizationType.Q8_0,) * 2, (GGMLQuantizationType.Q4_K, GGMLQuantizationType.Q8_0)):
        data, used = merge.written(values, kind)
        assert used == expected
        assert np.abs(dequantize(data, used) - values).max() < 0.01
