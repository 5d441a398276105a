import pytest
import torch

from chajong.training.layer_decay import parameter_groups
from chajong.training.parameters import TrainingParameters

DEPTHS = {
    "layers.0.weight": 0,
    "layers.0.bias": 0,
    "layers.1.weight": 1,
    "layers.1.bias": 1,
    "layers.2.weight": 4,
    "layers.2.bias": 4,
    "head.weight": None,
    "head.bias": None,
    "scale": None,
}


def settings(**changes):
    given = {"learning_rate": 1e-3, "head_learning_rate": 5e-2, "layer_decay": 0.5}
    return TrainingParameters(**given, weight_decay=0.3, **changes)


@pytest.fixture
def model():
    model = torch.nn.Module()
    model.layers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
    model.head = torch.nn.Linear(2, 2)
    model.scale = torch.nn.Parameter(torch.tensor(1.0))
    return model


def by_name(model, groups):
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {names[id(weight)]: group for group in groups for weight in group["params"]}


def test_every_rate_is_that_of_an_obvious_loop(model):
    groups = by_name(model, parameter_groups(model, DEPTHS, settings()))
    for name, depth in DEPTHS.items():
        rate = 5e-2
        if depth is not None:
            rate = 1e-3
            for _ in range(depth, 4):
                rate *= 0.5
        assert groups[name]["lr"] == pytest.approx(rate)


def test_only_matrices_are_decayed(model):
    groups = by_name(model, parameter_groups(model, DEPTHS, settings()))
    decays = {name: group["weight_decay"] for name, group in groups.items()}
    assert decays == {name: 0.3 if name.endswith("weight") else 0.0 for name in DEPTHS}


def test_every_trainable_parameter_is_in_one_group(model):
    model.layers[1].requires_grad_(False)
    groups = parameter_groups(model, DEPTHS, settings())
    listed = [weight for group in groups for weight in group["params"]]
    assert len(listed) == len(DEPTHS) - 2
    assert set(by_name(model, groups)) == {name for name in DEPTHS if "layers.1" not in name}


def test_a_model_without_pretrained_layers_learns_at_the_heads_rate(model):
    groups = parameter_groups(model, dict.fromkeys(DEPTHS), settings())
    assert {group["lr"] for group in groups} == {5e-2}


def test_the_last_pretrained_layer_learns_at_the_full_rate(model):
    groups = by_name(model, parameter_groups(model, DEPTHS, settings()))
    assert groups["layers.2.weight"]["lr"] == 1e-3


def test_torchs_optimiser_takes_the_groups(model):
    groups = parameter_groups(model, DEPTHS, settings())
    assert len(torch.optim.AdamW(groups).param_groups) == len(groups)
