"""What safetensors files hold, checked before a model is made of them: damaged and hostile ones get a named error."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedModel

from trainer.failures import named
from trainer.protocol import JobError

FLOATS = ("F16", "BF16", "F32", "F64")
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def read_object(path: Path) -> dict[str, Any]:
    """Raises JobError E_MODEL_FILE when the file holds no JSON object."""
    what = f"{path.name} in {path.parent.name}"
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise JobError("E_MODEL_FILE", f"There is no readable {what}.") from error
    if not isinstance(value, dict):
        raise JobError("E_MODEL_FILE", f"{what} does not hold an object.")
    return value


def weight_files(folder: Path) -> list[Path]:
    """The files transformers reads. Raises JobError E_MODEL_FILE, E_UNSAFE_FORMAT for names that lead out."""
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if not (folder / INDEX).is_file():
        raise JobError("E_MODEL_FILE", f"The model folder {folder.name} holds neither {SINGLE} nor {INDEX}.")
    places = read_object(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise JobError("E_MODEL_FILE", f"{INDEX} in {folder.name} names no files.")
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise JobError("E_UNSAFE_FORMAT", f"{INDEX} in {folder.name} names a file that is not beside it.")
    return [folder / name for name in names]


def stored_shapes(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by name, from the heads alone.

    Raises JobError E_MODEL_FILE for a damaged file, and for numbers that are no plain weights.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        with named(path.name), safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                part = file.get_slice(name)
                if part.get_dtype() not in FLOATS:
                    raise JobError("E_MODEL_FILE", f"{path.name} stores {name[:200]!r} as {part.get_dtype()}.")
                shapes[name] = tuple(part.get_shape())
    return shapes


def check_fit(kind: type[PreTrainedModel], config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """That the files hold the very model config.json describes, before memory is taken for it.

    transformers would fill what is missing with random numbers. Raises JobError E_MODEL_FILE.
    """
    layers = config.get("num_hidden_layers")
    if not isinstance(layers, int) or not 0 < layers <= len(shapes):
        raise JobError("E_MODEL_FILE", "config.json and the stored weights differ in the number of layers.")
    with named("config.json"), torch.device("meta"):
        model = kind(kind.config_class.from_dict(config))  # pyright: ignore[reportOptionalMemberAccess]
    expected = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    for name, shape in expected.items():
        if name not in shapes:
            raise JobError("E_MODEL_FILE", f"The stored weights lack the tensor {name}.")
        if shapes[name] != shape:
            raise JobError("E_MODEL_FILE", f"The stored tensor {name} has another shape than config.json says.")
    if sum(buffer.numel() for buffer in model.buffers()) > sum(weight.numel() for weight in model.parameters()):
        raise JobError("E_MODEL_FILE", "config.json asks for more memory beside the weights than they take themselves.")
