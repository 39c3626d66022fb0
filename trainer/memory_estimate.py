"""The memory a training takes at its peak, reckoned before anything of it is loaded."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from trainer.lora import trained_dtype
from trainer.modules import Targets, linear_layers
from trainer.step_memory import Batch, Recipe, step_bytes

# bitsandbytes' 4-bit format with double quantisation, in values: a scale for each block, and one for so many scales.
BLOCK, SCALE_BLOCK = 64, 256
CODES = (16 + 256 + 1) * 4  # bytes for each tensor: both tables of values and an offset
PAGED_FROM = 100_000  # values from which bitsandbytes keeps an optimizer state in memory that may leave the GPU
STATE_BLOCK = 256  # values of an 8-bit optimizer state that share a scale
CUDA_WORKSPACE = 40 * 2**20  # what cuBLAS takes for itself; 8 MiB on older cards, up to 40 on the newest
# On the CPU the peak is that of resident memory. Seen with SmolLM2-135M in float32, four rows of 200 tokens: a step
# took 1.32 times the bytes of its tensors, by what the C library keeps of freed pieces, and late libraries 100 MB.
CPU_SPREAD = 1.32
# The same with Phi-2's shape in NF4 and one row of 512 tokens (4, 8 and all 32 layers), as the C library does it by
# itself, and where it returns large pieces (device.py).
LARGE_SPREAD, RETURNED_SPREAD = 1.85, 1.06
CPU_LIBRARIES = 100_000_000


@dataclass(frozen=True)
class Estimate:
    """Bytes. `step` is what one step holds at once beside the others: activations, logits, gradients on the way;
    `program` what the process held before."""

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    step: int
    program: int

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


def estimate_memory(
    kind: type[PreTrainedModel],
    config: PreTrainedConfig,
    targets: Targets,
    recipe: Recipe,
    batch: Batch,
    program: int = 0,
    spread: float = CPU_SPREAD,
) -> Estimate:
    """A pure function of its arguments: `config` is the model's config.json, `targets` the layers with an adapter,
    `spread` what a step takes of the main memory for each byte of its tensors."""
    on_gpu = recipe.device.kind == "cuda"
    model = empty_model(kind, config)
    sizes = [size for name, size in linear_layers(model).items() if name.rsplit(".", 1)[-1] in targets.modules]
    trained = [recipe.rank * values for size in sizes for values in size]
    count = sum(trained)
    width = trained_dtype(recipe.device).itemsize
    step = step_bytes(kind, config, targets, recipe, batch)
    return Estimate(
        weights=weight_bytes(model, recipe),
        adapter=count * (width if width == 4 else width + 4),  # the optimizer holds it in float32 too
        gradients=count * width,
        optimizer=sum(map(state_bytes, trained)) if recipe.optimizer == "paged8bit" else 8 * count,
        step=step + CUDA_WORKSPACE if on_gpu else int(spread * step),
        program=program + (0 if on_gpu else CPU_LIBRARIES),
    )


def empty_model(kind: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    """Shapes only, at once and without memory."""
    with torch.device("meta"):
        return kind(config)


def weight_bytes(model: PreTrainedModel, recipe: Recipe) -> int:
    """Of the frozen base: linear layers in NF4 where the recipe says so; embeddings, head and norms never."""
    packed = {f"{name}.weight" for name in linear_layers(model)} if recipe.nf4 else set[str]()
    # A tied head is the same weight and stays with it.
    head: Any = model.get_output_embeddings()
    table: nn.Module = model.get_input_embeddings()
    away = recipe.embeddings_on_cpu and table.weight is not head.weight
    return sum(
        nf4_bytes(weight.numel()) if name in packed else weight.numel() * recipe.device.dtype.itemsize
        for name, weight in model.named_parameters()
        if not (away and weight is table.weight)
    )


def nf4_bytes(values: int) -> int:
    """Half a byte a value, a byte a block for its scale, and the scales of those."""
    scales = math.ceil(values / BLOCK)
    return math.ceil(values / 2) + scales + 4 * math.ceil(scales / SCALE_BLOCK) + CODES


def state_bytes(values: int) -> int:
    """Of one tensor's two 8-bit states, as far as they must stay on the GPU."""
    scales = 2 * 4 * math.ceil(values / STATE_BLOCK)
    return scales + (0 if values >= PAGED_FROM else 2 * values)
