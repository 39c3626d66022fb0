"""The job `parity`: greedy tokens of base model and adapter, to compare with llama.cpp's."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict

from trainer.adapter_files import read_adapter
from trainer.base_model import load_base
from trainer.device import choose_device
from trainer.failures import named
from trainer.protocol import Channel, JobError


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


@torch.no_grad()
def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Float32 and the stored weights, unless the spec says otherwise. Raises JobError E_MODEL_FILE, E_UNSAFE_FORMAT."""
    device = choose_device({"dtype": "float32", "device": "cpu"} | spec)
    base = load_base(spec["model"], device, "none")
    model: Any = base.model
    if spec["adapter"] is not None:
        model = with_adapter(model, Path(spec["adapter"]))
    model.eval()
    found = []
    for number, prompt in enumerate(spec["prompts"], 1):
        channel.check_stop()
        ids: list[int] = base.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        tokens, margins = greedy(model, ids, spec["maxNewTokens"])
        found.append({"ids": ids, "tokens": tokens, "margins": margins})
        channel.progress(number, len(spec["prompts"]))
    return {"prompts": found}


def with_adapter(model: Any, folder: Path) -> Any:
    """Raises JobError E_UNSAFE_FORMAT, E_MODEL_FILE as `read_adapter`, and for an adapter of another model."""
    _, weights = read_adapter(folder)
    with named(f"The adapter in {folder.name}"):
        tuned = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
        # PEFT only warns of tensors that it did not find, and leaves those of the file that it does not know.
        if get_peft_model_state_dict(tuned, save_embedding_layers=False).keys() != weights.keys():
            raise JobError("E_MODEL_FILE", f"The adapter in {folder.name} is of another model.")
    return tuned


def greedy(model: Any, ids: list[int], count: int) -> tuple[list[int], list[float]]:
    """`count` greedy tokens after `ids`, past any end token, and the gap between the two best logits at each."""
    tokens: list[int] = []
    margins: list[float] = []
    given, cache = torch.tensor([ids]), None
    for _ in range(count):
        output = model(input_ids=given, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        best = output.logits[0, -1].float().topk(2)
        tokens.append(int(best.indices[0]))
        margins.append(float(best.values[0] - best.values[1]))
        given = best.indices[:1][None]
    return tokens, margins
