import pytest
import torch

from chajong.training.moving_average import (
    MovingAverage,
    load_trained_weights,
    trained_weights,
)


def small_model(value=0.0):
    """A trained weight, a frozen one, and the statistics of a batch norm."""
    model = torch.nn.ModuleDict(
        {
            "trained": torch.nn.Linear(1, 1, bias=False),
            "frozen": torch.nn.Linear(1, 1, bias=False).requires_grad_(False),
            "norm": torch.nn.BatchNorm1d(1, affine=False),
        }
    )
    return set_to(model, value)


class ScaledLinear(torch.nn.Linear):
    """Keeps scales of its weight in the state dict that are no buffer, as 4-bit layers do."""

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight.absmax"] = torch.ones(3)


def set_to(model, value):
    for part in model.state_dict().values():
        part.fill_(value)
    return model


@pytest.mark.parametrize("horizon", [1.5, 4.0, 20.0, 1000.0])
@pytest.mark.parametrize("name", ["trained.weight", "norm.running_mean"])
def test_the_average_is_that_of_an_obvious_loop(horizon, name):
    values = [3.0, -1.0, 0.5, 8.0, 2.0, -4.0, 1.0, 6.0]
    model = small_model(values[0])
    average = MovingAverage(model, horizon)
    expected = values[0]
    for step, value in enumerate(values[1:], start=1):
        average.update(set_to(model, value), step)
        decay = min(1 - 1 / horizon, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert average.weights[name].item() == pytest.approx(expected, rel=1e-5)


def test_counters_are_those_of_the_last_step():
    model = small_model(1)
    average = MovingAverage(model, 50.0)
    for step in (1, 2, 3):
        average.update(set_to(model, 10 * step), step)
    assert average.weights["norm.num_batches_tracked"].item() == 30


@pytest.mark.parametrize("horizon", [0.0, 0.4, 1.0])
def test_without_a_horizon_the_average_is_the_last_weights(horizon):
    model = small_model(1.0)
    average = MovingAverage(model, horizon)
    average.update(set_to(model, 7.0), 1)
    average.update(set_to(model, 5.0), 2)
    assert average.weights["trained.weight"].item() == 5.0


def test_the_average_does_not_move_with_the_model():
    model = small_model(1.0)
    average = MovingAverage(model, 10.0)
    set_to(model, 9.0)
    assert average.weights["trained.weight"].item() == 1.0


def test_frozen_weights_are_no_part_of_the_average():
    assert set(MovingAverage(small_model(), 10.0).weights) == {
        "trained.weight",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    }


def test_scales_of_frozen_weights_are_no_part_of_the_trained_weights():
    model = small_model()
    model["frozen"] = ScaledLinear(2, 2).requires_grad_(False)
    assert "frozen.weight.absmax" in model.state_dict()
    kept = trained_weights(model)
    assert set(kept) == set(trained_weights(small_model()))
    load_trained_weights(model, kept)
    average = MovingAverage(model, 10.0)
    average.update(model, 1)
    assert set(average.weights) == set(kept)


def test_the_model_has_the_averaged_weights_inside_the_block_only():
    model = small_model(1.0)
    average = MovingAverage(model, 10.0)
    set_to(model, 2.0)
    with average.applied(model):
        assert model["trained"].weight.item() == 1.0
        assert model["norm"].running_mean.item() == 1.0
        assert model["frozen"].weight.item() == 2.0
    assert {part.item() for part in model.state_dict().values()} == {2.0}


def test_the_model_gets_its_weights_back_after_an_error():
    model = small_model(1.0)
    average = MovingAverage(model, 10.0)
    set_to(model, 2.0)
    with pytest.raises(ZeroDivisionError), average.applied(model):
        raise ZeroDivisionError
    assert model["trained"].weight.item() == 2.0


def test_loaded_weights_are_those_that_were_trained():
    model = small_model(1.0)
    load_trained_weights(model, trained_weights(small_model(4.0)))
    assert model["trained"].weight.item() == 4.0
    assert model["norm"].running_var.item() == 4.0
    assert model["frozen"].weight.item() == 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.pop("trained.weight"),
        lambda weights: weights.update({"frozen.weight": torch.zeros(1, 1)}),
        lambda weights: weights.update({"stranger": torch.zeros(1)}),
        # copy_ would repeat a single number over a whole weight without a word.
        lambda weights: weights.update({"trained.weight": torch.zeros(1)}),
    ],
    ids=["missing", "frozen", "stranger", "shape"],
)
def test_weights_of_another_model_are_refused_and_change_nothing(change):
    weights = {name: part.clone() for name, part in trained_weights(small_model(4.0)).items()}
    change(weights)
    model = small_model(1.0)
    with pytest.raises(ValueError, match="do not belong to this model"):
        load_trained_weights(model, weights)
    assert model["norm"].running_var.item() == 1.0
