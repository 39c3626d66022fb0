"""The job `merge`: base GGUF and adapter as one GGUF, and PEFT's files read back into an adapter GGUF.

The adapter is read from the very file that is served. Its tensors have the GGUF's names and order of rows, so nothing
here depends on the architecture.
"""

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import quantize

from trainer.adapter_files import read_adapter
from trainer.adapter_gguf import write_adapter_gguf
from trainer.failures import named
from trainer.gguf_file import GgufFile
from trainer.gguf_model import config_from_gguf
from trainer.protocol import Channel, JobError

FUSED = {"attn_q.": 0, "attn_k.": 1, "attn_v.": 2}
ALPHA = "adapter.lora.alpha"


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """`spec` is `{gguf, adapter, merged, precision}` or `{gguf, peft, adapterGguf}`.

    Raises JobError E_MODEL_FILE, E_UNSAFE_FORMAT.
    """
    channel.phase("write")
    if "peft" in spec:
        read_back(Path(spec["peft"]), GgufFile(spec["gguf"]), Path(spec["adapterGguf"]))
        return {"kinds": []}
    return {"kinds": merge(spec["gguf"], spec["adapter"], spec["merged"], spec["precision"])}


def merge(base: str, adapter: str, target: str, precision: str) -> list[str]:
    """Writes the merged model; the kinds of number the changed tensors have are returned.

    The sums are made in float32. `precision` is "base" for the tensor's own kind, or the name of a wider one.
    """
    reader = gguf.GGUFReader(base)
    stored = GgufFile(base)
    changes = deltas(GgufFile(adapter))
    writer = gguf.GGUFWriter(target, stored.fields["general.architecture"], use_temp_file=True)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        element = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], element)
    kinds: set[str] = set()
    for tensor in reader.tensors:
        parts = parts_of(tensor.name, changes)
        if not parts:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        values = stored.array(tensor.name)
        for place, change in parts:
            rows = values if place is None else np.split(values, 3)[place]
            if rows.shape != change.shape:
                raise JobError("E_MODEL_FILE", f"The adapter's {tensor.name} has another shape than the base model's.")
            rows += change
        kind = tensor.tensor_type if precision == "base" else GGMLQuantizationType[precision]
        data, kind = written(values, kind)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
        kinds.add(kind.name)
    if changes:
        raise JobError("E_MODEL_FILE", f"The base model has no tensor {min(changes)}, which the adapter changes.")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with Path(target).open("rb+") as file:
        os.fsync(file.fileno())
    return sorted(kinds)


def deltas(adapter: GgufFile) -> dict[str, np.ndarray]:
    """What the adapter adds to each tensor: B·A·alpha/rank in float32. Raises JobError E_MODEL_FILE."""
    found: dict[str, np.ndarray] = {}
    with named("The adapter's GGUF"):
        alpha = float(adapter.fields[ALPHA])
        for name in adapter.tensors:
            if name.endswith(".lora_a"):
                tensor = name.removesuffix(".lora_a")
                a, b = adapter.array(name), adapter.array(f"{tensor}.lora_b")
                found[tensor] = b @ a * np.float32(alpha / a.shape[0])
    return found


def parts_of(name: str, changes: dict[str, np.ndarray]) -> list[tuple[int | None, np.ndarray]]:
    """Takes out what belongs to a tensor; some Phi-2 files hold q, k and v in one, its thirds."""
    if name in changes:
        return [(None, changes.pop(name))]
    if "attn_qkv." not in name:
        return []
    names = {name.replace("attn_qkv.", part): place for part, place in FUSED.items()}
    return [(place, changes.pop(each)) for each, place in names.items() if each in changes]


def written(values: np.ndarray, kind: GGMLQuantizationType) -> tuple[np.ndarray, GGMLQuantizationType]:
    """gguf's quantiser writes no K-quants; such a tensor becomes Q8_0, which is finer."""
    try:
        return quantize(values, kind), kind
    except NotImplementedError:
        return quantize(values, GGMLQuantizationType.Q8_0), GGMLQuantizationType.Q8_0


def read_back(folder: Path, base: GgufFile, target: Path) -> None:
    """PEFT's two files alone, as the adapter GGUF they stand for."""
    alpha, weights = read_adapter(folder)
    config = config_from_gguf(base)
    with named(f"The adapter in {folder.name}"):
        write_adapter_gguf(target, weights, config, alpha, folder.name)
