"""Which linear layers get an adapter: the recipe's roles mapped to the names of an architecture."""

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from trainer.protocol import JobError

# Phi's feed-forward has no gate: its first layer does the gate's and the up-projection's work.
ROLES: dict[str, dict[str, str]] = {
    "llama": {role: role for role in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")},
    "phi": {
        "q_proj": "q_proj",
        "k_proj": "k_proj",
        "v_proj": "v_proj",
        "o_proj": "dense",
        "gate_proj": "fc1",
        "up_proj": "fc1",
        "down_proj": "fc2",
    },
}


@dataclass(frozen=True)
class Targets:
    """Names of the matched modules and what an adapter of the asked rank must have."""

    modules: list[str]
    expected_parameters: int


def choose_modules(model: PreTrainedModel, roles: list[str], modules: list[str] | None, rank: int) -> Targets:
    """`modules` are names of the architecture and win over `roles`. Raises JobError E_MODULES.

    PEFT passes over a name it does not find; here every name must stand once in every layer.
    """
    linear = linear_layers(model)
    table = ROLES[model.config.model_type]
    unknown = [role for role in roles if role not in table]
    if modules is None and unknown:
        raise JobError("E_MODULES", f"Unknown roles: {', '.join(unknown)}. The roles are {', '.join(table)}.")
    wanted = list(dict.fromkeys(modules if modules is not None else [table[role] for role in roles]))
    names = sorted({name.rsplit(".", 1)[-1] for name in linear})
    missing = [name for name in wanted if name not in names]
    if missing or not wanted:
        what = f"The model has no modules named {', '.join(missing)}" if missing else "No modules were named"
        raise JobError("E_MODULES", f"{what}. It has {', '.join(names)}.")
    layers = model.config.num_hidden_layers
    matched = {name: size for name, size in linear.items() if name.rsplit(".", 1)[-1] in wanted}
    if len(matched) != layers * len(wanted):
        raise JobError(
            "E_MODULES", f"{len(matched)} modules matched instead of {len(wanted)} in each of {layers} layers."
        )
    return Targets(wanted, sum(rank * (inputs + outputs) for inputs, outputs in matched.values()))


def linear_layers(model: PreTrainedModel) -> dict[str, tuple[int, int]]:
    """Full name -> (inputs, outputs) of every linear layer but the output head. Holds for 4-bit layers too."""
    head = model.get_output_embeddings()
    return {
        name: (layer.in_features, layer.out_features)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and layer is not head
    }


def check_trainable(model: nn.Module, targets: Targets) -> int:
    """The number of trainable parameters. Raises JobError E_MODULES when it is not the expected one."""
    count = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if count != targets.expected_parameters:
        raise JobError(
            "E_MODULES", f"{count} parameters would be trained instead of the expected {targets.expected_parameters}."
        )
    return count
