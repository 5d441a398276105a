import numpy as np
import pytest

from chajong.reports.confusions import (
    LABEL,
    SHOWN_CLASSES,
    confused_pairs,
    confusion_chart,
    confusion_table,
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


def test_the_matrix_agrees_with_counting_one_by_one(make_scored):
    scored = make_scored(80, lean=0.5)
    table = confusion_table(scored).set_index(LABEL)
    answers = list(zip(scored.labels, scored.guesses, strict=True))
    for label, given in enumerate(scored.class_names):
        for answer, predicted in enumerate(scored.class_names):
            assert table.loc[given, predicted] == answers.count((label, answer))


def test_the_chart_holds_the_most_confused_classes_side_by_side(answer):
    names = [f"차_{number}" for number in range(40)]
    likely = np.full((40, 40), 0.001)
    likely[np.arange(40), np.arange(40)] = 0.9
    labels = list(range(40))
    # Five photos of class 3 are answered as class 30, one of class 7 as class 8.
    for row, (label, guess) in enumerate([(3, 30)] * 5 + [(7, 8)]):
        labels[row], likely[row] = label, 0.001
        likely[row, guess] = 0.9
    scored = answer((likely / likely.sum(axis=1, keepdims=True)).tolist(), labels, names)
    figure = confusion_chart(scored)
    shown = [text.split()[-1] for text in figure.layout.yaxis.ticktext]
    assert set(shown) == {"차_3", "차_30", "차_7", "차_8"}
    assert abs(shown.index("차_3") - shown.index("차_30")) == 1
    assert figure.layout.title.text == "6 of 6 wrong answers are in this block"


def test_the_chart_can_be_read_whatever_the_number_of_classes(make_scored):
    figure = confusion_chart(make_scored(4000, classes=396, lean=0.1))
    assert np.shape(figure.data[0].z) == (SHOWN_CLASSES, SHOWN_CLASSES)
    cells = np.array(figure.data[0].z)
    assert (cells <= 1).all()


def test_a_perfect_answer_has_an_empty_chart(answer):
    assert len(confusion_chart(answer([[0.9, 0.1], [0.2, 0.8]], [0, 1])).layout.yaxis.ticktext) == 0
