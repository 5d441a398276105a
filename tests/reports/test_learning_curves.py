import numpy as np
import pandas as pd
import pytest

from chajong.reports.learning_curves import POINTS, learning_curves_chart, thinned_lines


def history(steps: int, folds: int = 2, inner: bool = False) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "fold": np.repeat(np.arange(folds), steps),
            "epoch": np.tile(np.linspace(0.1, 3, steps), folds),
            "training_loss": np.tile(np.linspace(3, 1, steps), folds),
            "inner_loss": 2.0 if inner else np.nan,
        }
    )


def test_a_long_history_is_a_few_means():
    lines = thinned_lines(history(5000), "training_loss")
    assert [len(line) for line in lines] == [POINTS, POINTS]
    assert lines[0]["training_loss"].mean() == pytest.approx(2)
    assert lines[0]["epoch"].is_monotonic_increasing


def test_a_short_history_stays_as_it_is():
    notes = history(7, folds=1)
    (line,) = thinned_lines(notes, "training_loss")
    np.testing.assert_array_equal(line["training_loss"], notes["training_loss"])


def test_each_kind_of_loss_is_named_once():
    figure = learning_curves_chart({"clip": history(5), "vlm": history(5, inner=True)})
    assert [trace.name for trace in figure.data if trace.showlegend] == [
        "training loss",
        "loss on photos held back",
    ]
    assert [note.text for note in figure.layout.annotations] == ["clip", "vlm"]
