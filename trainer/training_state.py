"""Training checkpoints: safetensors and JSON, complete only with their commit mark, which is written last."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from trainer.durable import json_bytes, sha256, sync_folder, tensor_bytes, write_durable

VERSION = 1
MARK = "complete.json"
TENSOR_FILES = ("adapter", "moments", "best", "rng")


@dataclass
class TrainingState:
    """All a training needs to go on exactly. `facts` is JSON; the others are tensors by name (`best` may be empty)."""

    step: int
    facts: dict[str, Any]
    adapter: dict[str, torch.Tensor]
    moments: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor]
    rng: dict[str, torch.Tensor]


def save_state(folder: Path, state: TrainingState, spec_hash: str) -> Path:
    """Writes `folder/step-N` and removes all but it and the newest complete one before it.

    Raises OSError with the earlier ones untouched and nothing half-written left.
    """
    target = folder / f"step-{state.step:06d}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = {f"{name}.safetensors": tensor_bytes(getattr(state, name)) for name in TENSOR_FILES}
    files["state.json"] = json_bytes({"version": VERSION, "spec": spec_hash, "step": state.step, **state.facts})
    mark = {"version": VERSION, "files": {name: sha256(data) for name, data in files.items()}}
    try:
        for name, data in files.items():
            write_durable(target / name, data)
        write_durable(target / MARK, json_bytes(mark))
        sync_folder(folder)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        raise
    earlier = [path for path in _folders(folder) if path < target and (path / MARK).is_file()]
    for old in _folders(folder):
        if old not in (target, *earlier[:1]):
            shutil.rmtree(old, ignore_errors=True)
    return target


def load_newest(folder: Path, spec_hash: str) -> tuple[TrainingState | None, list[str]]:
    """The newest complete training checkpoint of this spec, and a sentence for each newer one that was skipped."""
    skipped: list[str] = []
    for target in _folders(folder):
        try:
            return _load(target, spec_hash), skipped
        except ValueError as reason:
            skipped.append(f"The training checkpoint {target.name} was skipped: {reason}.")
    return None, skipped


def _folders(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("step-*") if path.is_dir()), reverse=True)


def _load(target: Path, spec_hash: str) -> TrainingState:
    """Raises ValueError with the reason when anything is missing, changed or of another spec."""
    try:
        mark = json.loads((target / MARK).read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError("it is incomplete") from error
    if not isinstance(mark, dict) or mark.get("version") != VERSION or not isinstance(mark.get("files"), dict):
        raise ValueError("it is of another version")
    contents: dict[str, bytes] = {}
    for name in (*(f"{name}.safetensors" for name in TENSOR_FILES), "state.json"):
        try:
            contents[name] = (target / name).read_bytes()
        except OSError as error:
            raise ValueError(f"{name} is missing") from error
        if sha256(contents[name]) != mark["files"].get(name):
            raise ValueError(f"{name} was changed")
    try:
        facts = json.loads(contents["state.json"])
        of_spec, _, step = (facts.pop(name) for name in ("spec", "version", "step"))
        tensors = {name: load(contents[f"{name}.safetensors"]) for name in TENSOR_FILES}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise ValueError("it is of another kind") from error
    if of_spec != spec_hash:
        raise ValueError("it belongs to another training")
    return TrainingState(step, facts, **tensors)
