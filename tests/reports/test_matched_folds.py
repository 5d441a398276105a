"""What is said of folds, and drawn."""

import numpy as np
import pandas as pd
import pytest

from chajong.reports.matched_folds import compare_folds, folds_text, nothing_compared
from chajong.training.folds import make_folds

REPORT = {
    "encoder": "dino",
    "threshold": 0.4,
    "distances": {"plain": 0.234, "matched": 0.341, "new": 0.352},
    "losses": {"plain": 0.0821, "matched": 0.5344},
}


def test_the_sentence_has_both_distances_and_both_losses():
    assert folds_text(REPORT, "test") == (
        "the nearest training photo is 0.23 away for a held-out photo, and 0.35 for a test photo "
        "(medians, features of dino): the plain out-of-fold loss would be 0.082; with matched "
        "folds, where it is 0.34 away, the loss is 0.534 (both by a linear discriminant on these "
        "features; photos of a class are joined up to 0.4)"
    )


def test_where_none_is_joined_there_is_one_loss():
    text = folds_text({**REPORT, "threshold": None}, "typical")
    assert "0.35 for a typical photo" in text
    assert "no photos are joined (0.082 out of fold" in text


@pytest.mark.parametrize(("matched", "warned"), [(0.31, True), (0.33, False)])
def test_held_out_photos_that_are_still_nearer_are_told(matched, warned):
    distances = {**REPORT["distances"], "matched": matched}
    text = folds_text({**REPORT, "distances": distances}, "test")
    assert ("expect more on test photos" in text) is warned


def test_the_reason_is_told_where_nothing_can_be():
    report, chart = nothing_compared("no photo was named")
    assert report["text"].endswith("is not known: no photo was named")
    assert not chart.data


def test_matched_folds_are_compared_with_plain_ones():
    generator = np.random.default_rng(0)
    scene = np.repeat(np.arange(60), 4)
    labels = scene % 6
    centres = generator.normal(size=(6, 24))[labels]
    features = centres + generator.normal(size=(60, 24))[scene]
    features = (features + generator.normal(size=(240, 24)) * 0.05).astype(np.float32)
    new = generator.normal(size=(40, 24)) + generator.normal(size=(6, 24))[np.arange(40) % 6]
    plain, matched = (
        make_folds(
            [f"{number:03d}" for number in range(240)],
            labels.tolist(),
            groups,
            label_counts=np.ones(240, bool),
            fold_count=5,
            calibration_fraction=0.06,
            seed=0,
        )
        for groups in (np.arange(240), scene)
    )
    candidates = pd.DataFrame({"threshold": [np.nan, 0.3], "chosen": [False, True]})
    report, chart = compare_folds(
        (plain, matched),
        candidates,
        features,
        new.astype(np.float32),
        labels,
        encoder="dino",
        called="test",
        seed=0,
    )
    assert report["threshold"] == 0.3
    assert report["distances"]["plain"] < 0.2 * report["distances"]["matched"]
    assert report["losses"]["plain"] < 0.5 * report["losses"]["matched"]
    assert [curve.name for curve in chart.data] == [
        "held out, plain folds",
        "held out, matched folds",
        "test photos",
    ]
    for curve in chart.data:
        assert (np.diff(curve.x) >= 0).all()
        assert (curve.y[0], curve.y[-1]) == (0, 1)
