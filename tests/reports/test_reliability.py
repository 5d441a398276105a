import numpy as np
import pytest

from chajong.predictions.calibration import expected_calibration_error
from chajong.reports.reliability import (
    BINS,
    calibration_errors,
    reliability_chart,
    reliability_table,
)


def test_bins_agree_with_counting_one_by_one(make_scored):
    scored = make_scored(200)
    for row in reliability_table({"m": scored}).itertuples():
        inside = [
            photo
            for photo in range(200)
            if row.bin_low * BINS - 1e-9 <= scored.confidences[photo] * BINS < row.bin_high * BINS
        ]
        assert row.photos == len(inside)
        assert row.accuracy == pytest.approx(np.mean([scored.right[photo] for photo in inside]))
        assert row.confidence == pytest.approx(scored.confidences[inside].mean())
        assert row.accuracy_low <= row.accuracy <= row.accuracy_high


def test_every_photo_is_in_one_bin_even_at_full_confidence(answer):
    table = reliability_table({"m": answer([[1 - 1e-9, 1e-9], [0.5, 0.5]], [0, 1])})
    assert table["photos"].sum() == 2
    assert table["bin_high"].iloc[-1] == pytest.approx(1)


def test_calibration_errors_are_those_of_the_metric(make_scored):
    members = {"z": make_scored(seed=1), "a": make_scored(seed=2)}
    errors = calibration_errors(reliability_table(members))
    assert list(errors.index) == ["z", "a"]
    for name, scored in members.items():
        expected = expected_calibration_error(scored.log_probabilities, scored.labels)
        assert errors[name] == pytest.approx(expected)


def test_chart_states_each_calibration_error(make_scored):
    table = reliability_table({"ensemble": make_scored(seed=1), "clip": make_scored(seed=2)})
    names = [
        trace.name
        for trace in reliability_chart(table).data
        if trace.type == "scatter" and trace.showlegend is None
    ]
    errors = calibration_errors(table)
    assert set(names) == {f"{name}, calibration error {errors[name]:.3f}" for name in errors.index}
