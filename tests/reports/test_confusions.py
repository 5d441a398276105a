import numpy as np
import pytest

from chajong.reports.confusions import (
    confused_pairs,
    mean_probabilities,
    pair_examples,
)


def test_counts_and_masses_agree_with_counting_one_by_one(make_scored):
    scored = make_scored(80, lean=0.5)
    pairs = confused_pairs(scored, limit=100)
    number = {name: index for index, name in enumerate(scored.class_names)}
    answers = list(zip(scored.labels, scored.guesses, strict=True))
    for row in pairs.itertuples():
        given, predicted = number[row.given], number[row.predicted]
        assert row.photos == answers.count((given, predicted))
        assert row.photos_back == answers.count((predicted, given))
        mass = np.exp(scored.log_probabilities[scored.labels == given, predicted]).mean()
        assert row.mass == pytest.approx(mass, rel=1e-5)
    both = pairs["photos"] + pairs["photos_back"]
    assert both.sum() == (~scored.right).sum()
    assert both.is_monotonic_decreasing
    assert (pairs["photos"] >= pairs["photos_back"]).all()


def test_mean_probabilities_of_a_class_without_photos_are_zero(answer):
    means = mean_probabilities(answer([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], [0, 0]))
    np.testing.assert_allclose(means, [[0.4, 0.3, 0.3], [0, 0, 0], [0, 0, 0]], rtol=1e-6)


def test_examples_of_both_sides_look_most_like_the_other(make_scored):
    scored = make_scored(80, lean=0.5)
    pairs = confused_pairs(scored, limit=1)
    examples = pair_examples(scored, pairs, limit=2)
    given, predicted = pairs.loc[0, ["given", "predicted"]]
    for label, other in ((given, predicted), (predicted, given)):
        column = np.exp(scored.log_probabilities[:, scored.class_names.index(other)])
        mine = column[scored.labels == scored.class_names.index(label)]
        shown = examples.loc[examples["label"] == label, "probability"]
        np.testing.assert_allclose(shown, sorted(mine, reverse=True)[:2])


def test_a_perfect_answer_has_no_pairs(answer):
    scored = answer([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    pairs = confused_pairs(scored)
    assert pairs.empty
    assert pair_examples(scored, pairs).empty
