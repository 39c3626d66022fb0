"""Files that are on the disk when a call returns."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save


def write_durable(path: Path, data: bytes) -> None:
    """Writes aside, syncs, puts in place. Raises OSError with nothing changed under `path`."""
    aside = path.with_name(f"{path.name}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable. Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(value: Any) -> bytes:
    """Strict JSON with sorted keys. Raises ValueError for NaN."""
    return json.dumps(value, allow_nan=False, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def tensor_bytes(tensors: dict[str, torch.Tensor]) -> bytes:
    """A safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
