"""Which modules are tuned, on toy models of both architectures."""

from pathlib import Path

import pytest

from trainer.lora import add_adapter
from trainer.modules import check_trainable, choose_modules
from trainer.protocol import JobError
from trainer.tests.samples import train_spec
from trainer.toy import random_model

ROLES = train_spec({}, Path())["roles"]
MATCHED = {
    "llama": ["q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "phi": ["q_proj", "v_proj", "k_proj", "dense", "fc1", "fc2"],
}


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_roles_become_the_names_of_the_architecture(kind: str) -> None:
    model = random_model(kind, 300, 1, 0)
    model.requires_grad_(False)
    targets = choose_modules(model, ROLES, None, 4)
    assert targets.modules == MATCHED[kind]
    tuned = add_adapter(model, targets, 4, 8)
    # per layer: rank * (inputs + outputs) of each matrix, by hand
    hidden, wide, kv = 64, 192, 32
    shapes = {
        "llama": [*[(hidden, hidden)] * 2, *[(hidden, kv)] * 2, *[(hidden, wide)] * 2, (wide, hidden)],
        "phi": [(hidden, hidden)] * 4 + [(hidden, wide), (wide, hidden)],
    }[kind]
    assert check_trainable(tuned, targets) == 2 * 4 * sum(inputs + outputs for inputs, outputs in shapes)


def test_a_wrong_list_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(JobError) as error:
        choose_modules(random_model("phi", 300, 1, 0), ROLES, ["q_proj", "o_proj"], 4)
    assert error.value.code == "E_MODULES"
    assert "o_proj" in error.value.message.split(". ")[0]
    assert "dense, fc1, fc2, k_proj, q_proj, v_proj" in error.value.message


@pytest.mark.parametrize(("roles", "modules"), [(["q_proj", "head"], None), ([], None), (ROLES, [])])
def test_unknown_or_no_roles_are_refused(roles: list[str], modules: list[str] | None) -> None:
    with pytest.raises(JobError) as error:
        choose_modules(random_model("llama", 300, 1, 0), roles, modules, 4)
    assert error.value.code == "E_MODULES"


def test_another_number_of_trained_parameters_is_refused() -> None:
    model = random_model("llama", 300, 1, 0)
    model.requires_grad_(False)
    targets = choose_modules(model, ROLES, None, 4)
    tuned = add_adapter(model, targets, 4, 8)
    tuned.get_output_embeddings().weight.requires_grad_(True)
    with pytest.raises(JobError) as error:
        check_trainable(tuned, targets)
    assert error.value.code == "E_MODULES"
