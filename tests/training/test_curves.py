import json

import numpy as np
import pandas as pd
import pytest

from chajong.training.curves import loss_curves

NAN = float("nan")


@pytest.fixture
def history() -> pd.DataFrame:
    """Fold 3 has inner losses, on rows of their own; the rows are out of order."""
    rows = [
        (3, 1.0, 20, 1.5, NAN, 1e-5, 70.0),
        (3, 1.0, 20, NAN, 1.75, NAN, NAN),
        (0, 0.5, 10, 4.0, NAN, 3e-5, 90.0),
        (0, 1.0, 20, 3.0, NAN, 2e-5, 80.0),
        (3, 0.5, 10, 2.5, NAN, 2e-5, 70.0),
        (3, 2.0, 40, NAN, 1.25, NAN, NAN),
    ]
    losses = ["training_loss", "inner_loss", "learning_rate", "photos_per_second"]
    return pd.DataFrame(rows, columns=["fold", "epoch", "step", *losses])


def lines(history: pd.DataFrame, panel: str) -> dict[str, tuple[list[float], list[float]]]:
    """Epochs and values of every line in a panel, by name."""
    return {
        trace.name: (list(trace.x), list(trace.y))
        for trace in loss_curves(history).data
        if trace.yaxis == panel
    }


def test_each_fold_has_a_line_with_its_losses(history):
    losses = lines(history, "y")
    assert losses["fold 0"] == ([0.5, 1.0], [4.0, 3.0])
    assert losses["fold 3"] == ([0.5, 1.0], [2.5, 1.5])


def test_inner_losses_are_a_dashed_line_and_missing_ones_none(history):
    losses = lines(history, "y")
    assert list(losses) == ["fold 0", "fold 3", "fold 3, held back"]
    assert losses["fold 3, held back"] == ([1.0, 2.0], [1.75, 1.25])
    traces = {trace.name: trace for trace in loss_curves(history).data if trace.yaxis == "y"}
    assert traces["fold 3, held back"].line.dash == "dash"
    assert traces["fold 3"].line.dash is None
    assert traces["fold 3, held back"].line.color == traces["fold 3"].line.color
    assert traces["fold 0"].line.color != traces["fold 3"].line.color


def test_learning_rates_have_a_panel_of_their_own(history):
    rates = lines(history, "y2")
    assert rates == {"fold 0": ([0.5, 1.0], [3e-5, 2e-5]), "fold 3": ([0.5, 1.0], [2e-5, 1e-5])}


def test_every_line_is_named_once_in_the_legend(history):
    shown = [trace.name for trace in loss_curves(history).data if trace.showlegend is not False]
    assert sorted(shown) == ["fold 0", "fold 3", "fold 3, held back"]


def test_nothing_noted_draws_nothing(history):
    assert not loss_curves(history.iloc[:0]).data


def test_more_folds_than_colours(history):
    many = pd.concat([history[history["fold"] == 0].assign(fold=fold) for fold in range(12)])
    assert len(lines(many, "y")) == 12


def test_serialises_without_numbers_that_json_lacks(history):
    text = loss_curves(history).to_json()
    assert np.isfinite(json.loads(text)["layout"]["height"])
    assert "NaN" not in text
