"""Writes the finished adapter: PEFT's two files, the GGUF, and the spec that made it."""

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from trainer.adapter_gguf import write_adapter_gguf
from trainer.durable import json_bytes, sha256, tensor_bytes, write_durable
from trainer.protocol import installed_versions


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
    write_durable(folder / "adapter_model.safetensors", tensor_bytes(weights))
    write_durable(folder / "adapter_config.json", config_bytes(model, base_name))
    base: Any = model.get_base_model()
    write_adapter_gguf(folder / "adapter.gguf", weights, base.config, spec["alpha"], base_name)
    rows = {name: {"count": len(spec[name]), "hash": sha256(json_bytes(spec[name]))} for name in ("rows", "heldBack")}
    made_by = {name: value for name, value in spec.items() if name not in ("model", "output")} | rows
    facts = {"spec": made_by | {"model": base_name}, "effective": effective, "versions": installed_versions()}
    write_durable(folder / "spec.json", json_bytes(facts))


def config_bytes(model: PeftModel, base_name: str) -> bytes:
    """PEFT's configuration, with sorted module names: the same training writes the same bytes."""
    config = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": base_name, "inference_mode": True}
    plain = json.loads(
        json.dumps(config, default=lambda value: sorted(value) if isinstance(value, set) else str(value))
    )
    return json_bytes(plain)
