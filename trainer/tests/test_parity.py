"""The job `parity`; the host's tests compare it with llama.cpp."""

from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import parity, train
from trainer.base_model import load_base
from trainer.device import Device
from trainer.protocol import JobError
from trainer.tests.channel_pair import ChannelPair
from trainer.tests.samples import FACTS, row, train_spec

PROMPT = row(next(iter(FACTS)), "x")["prompt"]


def spec(model: dict[str, str], adapter: str | None) -> dict[str, Any]:
    return {"model": model, "adapter": adapter, "prompts": [PROMPT], "maxNewTokens": 6}


def test_tokens_are_those_of_greedy_generation(toys: dict[str, str]) -> None:
    model = {"folder": toys["llama"]}
    found = parity.run(spec(model, None), ChannelPair().channel)["prompts"][0]
    base = load_base(model, Device("cpu", torch.float32, 2), "none")
    network: Any = base.model
    ids = torch.tensor([found["ids"]])
    assert base.tokenizer.decode(found["ids"]) == PROMPT
    whole = network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False)
    assert found["tokens"] == whole[0, ids.shape[1] :].tolist()
    assert len(found["margins"]) == 6
    assert min(found["margins"]) >= 0


def test_an_adapter_changes_them_and_must_be_safetensors(toys: dict[str, str], tmp_path: Path) -> None:
    model = {"gguf": f"{toys['phi']}/model.gguf"}
    train.run(train_spec(model, tmp_path, learningRate=0.05), ChannelPair().channel)
    base, tuned = (
        parity.run(spec(model, adapter), ChannelPair().channel)["prompts"][0] for adapter in (None, str(tmp_path))
    )
    assert base["ids"] == tuned["ids"]
    assert base["tokens"] != tuned["tokens"]
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(JobError) as error:
        parity.run(spec(model, str(tmp_path)), ChannelPair().channel)
    assert error.value.code == "E_UNSAFE_FORMAT"
