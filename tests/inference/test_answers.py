"""Tables of answers: order, ties, vehicles, priors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chajong.inference.answers import Answers, PriorError, join_answers, prior_from_table, prior_of
from chajong.inference.summary import answers_summary

NAMES = ("K5_3세대", "아반떼_CN7", "쏘나타_DN8")


def answers(probabilities, vehicles=None, status=None):
    count = len(probabilities)
    status = status or ["ok"] * count
    rows = pd.DataFrame(
        {
            "photo": [f"{place}.jpg" for place in range(count)],
            "vehicle": vehicles or [""] * count,
            "status": status,
            "reason": ["" if each == "ok" else "damaged" for each in status],
        }
    )
    values = np.log(np.array(probabilities, np.float32))
    return Answers(rows, values, NAMES, ("K5 3rd", "Avante CN7", "Sonata DN8"))


def test_names_are_ranked_by_probability():
    table = answers([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]).top(2)
    assert table["class_name"].tolist() == [NAMES[1], NAMES[2], NAMES[0], NAMES[2]]
    assert table["rank"].tolist() == [1, 2, 1, 2]
    assert table["english"][0] == "Avante CN7"
    np.testing.assert_allclose(table["probability"], [0.5, 0.3, 0.6, 0.3], rtol=1e-6)


def test_equal_names_stand_in_the_order_of_the_classes():
    assert answers([[1 / 3] * 3]).top(9)["class_name"].tolist() == list(NAMES)


def test_the_wide_table_has_a_column_a_class():
    wide = answers([[0.2, 0.5, 0.3]]).wide()
    assert list(wide.columns[-3:]) == list(NAMES)
    assert wide[NAMES[1]][0] == pytest.approx(0.5)


def test_bad_photos_of_a_vehicle_do_not_count_and_are_named():
    asked = answers(
        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [1 / 3] * 3],
        ["v", "v", "w"],
        ["ok", "unreadable", "unreadable"],
    )
    pooled = asked.by_vehicle()
    assert pooled.rows["vehicle"].tolist() == ["v", "w"]
    assert pooled.rows["status"].tolist() == ["ok", "unreadable"]
    assert pooled.rows["photo"][0] == "0.jpg; 1.jpg"
    assert pooled.rows["reason"][0] == "1.jpg: damaged"
    np.testing.assert_allclose(np.exp(pooled.log_probabilities[0]), [0.8, 0.1, 0.1], rtol=1e-5)


def test_photos_without_a_vehicle_stay_apart():
    asked = answers([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert len(asked.by_vehicle().rows) == 2


@given(
    arrays(np.float64, (2, 3), elements=st.floats(0.01, 1)),
    arrays(np.float64, 3, elements=st.floats(0.01, 1)),
)
def test_a_prior_there_and_back_changes_nothing(scores, prior):
    asked = answers(scores / scores.sum(axis=1, keepdims=True))
    training, other = np.full(3, 1 / 3), prior / prior.sum()
    back = asked.with_prior(training, other).with_prior(other, training)
    np.testing.assert_allclose(
        np.exp(back.log_probabilities), np.exp(asked.log_probabilities), atol=1e-5
    )


def test_the_training_prior_changes_nothing():
    asked = answers([[0.2, 0.5, 0.3]])
    prior = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(
        asked.with_prior(prior, prior).log_probabilities, asked.log_probabilities, atol=1e-6
    )


def test_a_close_name_is_suggested():
    with pytest.raises(PriorError, match="Did you mean 'K5_3세대'"):
        prior_of({"K5_3세데": 1}, NAMES)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_frequency_that_is_none_is_refused(value):
    with pytest.raises(PriorError, match="at least 0"):
        prior_of({NAMES[0]: value}, NAMES)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"class_name": [NAMES[0]]}, "lacks the column 'frequency'"),
        ({"class_name": [NAMES[0]] * 2, "frequency": [1, 2]}, "twice"),
        ({"class_name": [NAMES[0]], "frequency": ["many"]}, "at least 0"),
    ],
)
def test_an_unusable_table_of_frequencies_is_refused(table, message):
    with pytest.raises(PriorError, match=message):
        prior_from_table(pd.DataFrame(table), NAMES)


def test_a_table_of_frequencies_is_read_in_any_form_of_hangul():
    from unicodedata import normalize

    table = pd.DataFrame({"class_name": [normalize("NFD", NAMES[1])], "frequency": ["3"]})
    assert prior_from_table(table, NAMES).tolist() == [0, 1, 0]


def test_joined_answers_keep_their_order():
    parts = [answers([[0.2, 0.5, 0.3]]), answers([[0.6, 0.1, 0.3]])]
    joined = join_answers(parts)
    np.testing.assert_allclose(np.exp(joined.log_probabilities[1]), [0.6, 0.1, 0.3], rtol=1e-6)
    assert joined.rows.index.tolist() == [0, 1]


def test_the_summary_names_a_few_bad_photos_and_counts_the_rest(tmp_path):
    asked = answers([[1 / 3] * 3] * 6, status=["ok", *["unreadable"] * 5])
    text = answers_summary(asked, tmp_path)
    assert "6 answered, 5 of them could not be read" in text
    assert text.count("damaged") == 3
    assert "and 2 more" in text
    korean = answers_summary(asked, tmp_path, "ko")
    assert "6건 예측, 그중 5건은 읽지 못함" in korean
    assert korean.count("차종별 빈도로 예측") == 3
