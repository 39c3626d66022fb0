"""The job `convert`: a model folder as the GGUF that answers, so that what is served is what is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig

from trainer.base_model import MODELS, read_config
from trainer.durable import sync_folder
from trainer.gguf_export import Weight, write_model_gguf
from trainer.gguf_model import gguf_names
from trainer.gguf_vocabulary import vocabulary_fields
from trainer.protocol import Channel, JobError
from trainer.stored_weights import check_fit, stored_shapes, weight_files

# Bytes of the weights in eight bits up to which a model is served so; larger ones are served in four bits, as a
# graphics card of 4 GB has to hold model and context.
EIGHT_BITS_UP_TO = 1_000_000_000
LIKELY_SPLITTERS = {"phi": "phi-2", "llama": "smollm"}
# Parts of tensor names by which one tensor holds queries, keys and values together.
FUSED = ("qkv", "query_key_value", "c_attn", "attn.Wqkv")
ACTIVATIONS = {"phi": "gelu_new", "llama": "silu"}


def preload() -> None:
    """Nothing is left to do: the imports above are the heavy part."""


def run(spec: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """`spec` is `{folder, target, precision}`; `precision` is "auto", "Q8_0", "Q4_1" or "F16".

    `target` appears when it is complete. Raises JobError E_MODEL_FILE, E_STUDENT_UNSUITABLE, E_UNSAFE_FORMAT.
    """
    channel.phase("write")
    folder, target = Path(spec["folder"]), Path(spec["target"])
    config = usable_config(folder)
    weights = usable_weights(folder, config)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    fields = vocabulary_fields(tokenizer, config.vocab_size, LIKELY_SPLITTERS[config.model_type])
    parameters = sum(torch.Size(weight.shape).numel() for weight in weights.values())
    kind = kind_for(parameters) if spec["precision"] == "auto" else GGMLQuantizationType[spec["precision"]]

    def on_tensor(done: int, total: int) -> None:
        channel.check_stop()
        channel.progress(done, total)

    aside = target.with_name(f"{target.name}.part")
    write_model_gguf(aside, folder.name, config, weights, fields, kind, on_tensor)
    aside.replace(target)
    sync_folder(target.parent)
    return {"kind": kind.name, "bytes": target.stat().st_size, "parameters": parameters}


def kind_for(parameters: int) -> GGMLQuantizationType:
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType.Q8_0]
    return GGMLQuantizationType.Q8_0 if parameters // block * size <= EIGHT_BITS_UP_TO else GGMLQuantizationType.Q4_1


def usable_config(folder: Path) -> PreTrainedConfig:
    """Raises JobError E_STUDENT_UNSUITABLE for a variant llama.cpp would compute otherwise; as `read_config`."""
    read_config(folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    rope = config.rope_parameters
    oddities = {
        "scaled rotary positions": rope.get("rope_type", "default") != "default",
        "another width of its heads": getattr(config, "head_dim", None)
        not in (None, config.hidden_size // config.num_attention_heads),
        "normalised queries and keys": bool(getattr(config, "qk_layernorm", False)),
        f"the activation {config.hidden_act}": config.hidden_act != ACTIVATIONS[config.model_type],
    }
    for oddity, there in oddities.items():
        if there:
            raise JobError(
                "E_STUDENT_UNSUITABLE", f"The model in {folder.name} has {oddity}, which cannot be served yet."
            )
    return config


def usable_weights(folder: Path, config: PreTrainedConfig) -> dict[str, Weight]:
    """The architecture's tensors, by name, in its shapes. Raises JobError E_MODEL_FILE, E_STUDENT_UNSUITABLE."""
    found = {
        name: Weight(shape, loader(file, name))
        for file in weight_files(folder)
        for name, shape in stored_shapes([file]).items()
    }
    fused = next((name for name in found if any(part in name for part in FUSED)), None)
    if fused:
        raise JobError(
            "E_STUDENT_UNSUITABLE",
            f"The model in {folder.name} holds queries, keys and values in one tensor ({fused}); adapters are trained"
            " on the three apart. Use a version of the model with q_proj, k_proj and v_proj.",
        )
    kind = MODELS[config.model_type]
    check_fit(kind, read_config(folder), {name: weight.shape for name, weight in found.items()})
    with torch.device("meta"):
        names = [name for name, _ in kind(config).named_parameters()]
    unmapped = set(names) - set(gguf_names(config, names))
    if unmapped:
        raise JobError("E_STUDENT_UNSUITABLE", f"The tensor {min(unmapped)} of {folder.name} has no place in a GGUF.")
    # Besides them lie buffers of older versions, and a head that is the embedding's copy.
    return {name: found[name] for name in names}


def loader(file: Path, name: str) -> Callable[[], torch.Tensor]:
    def load() -> torch.Tensor:
        with safe_open(file, "pt") as opened:
            return opened.get_tensor(name)

    return load
