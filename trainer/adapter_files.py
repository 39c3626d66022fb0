"""The finished adapter: PEFT's two files, the GGUF, and the spec that made it. PEFT's files are read back here too."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file

from trainer.adapter_gguf import write_adapter_gguf
from trainer.durable import json_bytes, sha256, tensor_bytes, write_durable
from trainer.failures import named
from trainer.protocol import JobError, installed_versions
from trainer.stored_weights import read_object, stored_shapes

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
# Of PEFT's configuration, what a training decides; everything else stands at PEFT's default.
DECIDED = {"r", "lora_alpha", "target_modules"}
NO_MATTER = {"base_model_name_or_path", "inference_mode", "task_type", "peft_version", "revision"}


def adapter_weights(masters: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """PEFT's names in a file, which leave out the adapter's name `default`; float32 on the CPU."""
    return {name.replace(".default.", "."): value.detach().float().cpu() for name, value in masters.items()}


def write_adapter(
    folder: Path,
    model: PeftModel,
    masters: dict[str, torch.Tensor],
    spec: dict[str, Any],
    effective: dict[str, Any],
) -> None:
    """No file names a path of this machine. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    base_name = Path(next(iter(spec["model"].values()))).name
    weights = adapter_weights(masters)
    write_durable(folder / WEIGHTS, tensor_bytes(weights))
    write_durable(folder / CONFIG, config_bytes(model, base_name))
    base: Any = model.get_base_model()
    write_adapter_gguf(folder / "adapter.gguf", weights, base.config, spec["alpha"], base_name)
    rows = {name: {"count": len(spec[name]), "hash": sha256(json_bytes(spec[name]))} for name in ("rows", "heldBack")}
    made_by = {name: value for name, value in spec.items() if name not in ("model", "output")} | rows
    facts = {"spec": made_by | {"model": base_name}, "effective": effective, "versions": installed_versions()}
    write_durable(folder / "spec.json", json_bytes(facts))


def config_bytes(model: PeftModel, base_name: str) -> bytes:
    """PEFT's configuration, with sorted module names: the same training writes the same bytes."""
    config = plain(model.peft_config["default"].to_dict())
    return json_bytes(config | {"base_model_name_or_path": base_name, "inference_mode": True})


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as JSON gives it back."""
    return json.loads(json.dumps(config, default=lambda value: sorted(value) if isinstance(value, set) else str(value)))


def read_adapter(folder: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """Alpha, and the weights by PEFT's names, of an adapter as `write_adapter` leaves it.

    Raises JobError E_UNSAFE_FORMAT without safetensors or with settings that no training here makes, E_MODEL_FILE.
    """
    if not (folder / WEIGHTS).is_file():
        raise JobError("E_UNSAFE_FORMAT", f"The adapter in {folder.name} is not stored as safetensors.")
    config = read_object(folder / CONFIG)
    usual = plain(LoraConfig().to_dict())
    for name, value in config.items():
        if name not in DECIDED | NO_MATTER and (name not in usual or value != usual[name]):
            raise JobError("E_UNSAFE_FORMAT", f"{CONFIG} in {folder.name} sets {name[:200]!r}.")
    rank, alpha, targets = config.get("r"), config.get("lora_alpha", 0), config.get("target_modules")
    if type(rank) is not int or type(alpha) not in (int, float) or not 0 < alpha < 1e6:
        raise JobError("E_MODEL_FILE", f"{CONFIG} in {folder.name} lacks a usable rank or alpha.")
    # A text would be taken for a pattern.
    if not isinstance(targets, list) or not all(isinstance(name, str) for name in targets):
        raise JobError("E_MODEL_FILE", f"{CONFIG} in {folder.name} does not list the modules.")
    shapes = stored_shapes([folder / WEIGHTS])
    for name, shape in shapes.items():
        half = re.fullmatch(r"(base_model\.model\.[\w.]+\.lora_)([AB])\.weight", name)
        pair = {f"{half[1]}{letter}.weight" for letter in "AB"} if half else set()
        if not half or not shapes.keys() >= pair or len(shape) != 2 or shape[half[2] == "B"] != rank:
            raise JobError("E_MODEL_FILE", f"The adapter in {folder.name} has an unfit tensor {name[:200]!r}.")
    with named(WEIGHTS):
        weights = load_file(folder / WEIGHTS)
    if not weights or not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise JobError("E_MODEL_FILE", f"The adapter in {folder.name} holds no weights, or some that are no numbers.")
    return alpha, weights
