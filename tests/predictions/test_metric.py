import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import (
    accuracy,
    challenge_log_loss,
    log_loss,
    member_metrics,
    most_probable,
    top_k_accuracy,
)

NAMES = ["쏘나타_2019_2023", "K5_2020", "아반떼_2020_2022", "718_박스터_2017_2024", "BMW_X5_2019"]
probability = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 1e-300, 1e-15, 0.5]),
    st.sampled_from([math.nan, -0.1, 1.1]),
)
valid_probability = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 1e-16]))


def obvious_challenge_log_loss(answers: list[dict], submission: list[dict]) -> float:
    """The challenge's metric in plain Python, one photo after the other."""
    labels = {row["ID"]: row["label"] for row in answers}
    if len(answers) != len(submission) or set(labels) != {row["ID"] for row in submission}:
        raise ValueError("IDs")
    used = sorted(set(labels.values()))
    total = 0.0
    for row in submission:
        for name in used:
            if name not in row or math.isnan(row[name]) or not 0 <= row[name] <= 1:
                raise ValueError("values")
        mass = math.fsum(row[name] for name in used)
        if mass == 0:
            raise ValueError("zero")
        given_probability = row[labels[row["ID"]]] / mass
        total -= math.log(min(max(given_probability, 1e-15), 1 - 1e-15))
    return total / len(answers)


def outcome(metric, *arguments) -> float | None:
    try:
        return metric(*arguments)
    except ValueError:
        return None


@st.composite
def cases(draw, values=probability) -> tuple[pd.DataFrame, pd.DataFrame]:
    count = draw(st.integers(1, 5))
    ids = [f"TEST_{number:05d}" for number in range(count)]
    columns = draw(st.lists(st.sampled_from(NAMES), min_size=4, unique=True))
    submitted = draw(st.permutations(ids)) if draw(st.integers(0, 9)) else [*ids[:-1], "OTHER"]
    answers = [{"ID": photo, "label": draw(st.sampled_from(NAMES[:4]))} for photo in ids]
    rows = [{"ID": photo} | {name: draw(values) for name in columns} for photo in submitted]
    return pd.DataFrame(answers), pd.DataFrame(rows)


class TestChallengeLogLoss:
    @settings(max_examples=300, deadline=None)
    @given(case=st.one_of(cases(), cases(valid_probability)))
    def test_equals_the_obvious_metric(self, case: tuple[pd.DataFrame, pd.DataFrame]):
        answers, submission = case
        records = answers.to_dict("records"), submission.to_dict("records")
        expected = outcome(obvious_challenge_log_loss, *records)
        assert outcome(challenge_log_loss, *case) == (
            expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12)
        )

    def test_equals_scikit_learn_on_all_classes(self):
        import sklearn.metrics

        random = np.random.default_rng(0)
        scores = random.dirichlet(np.ones(5), size=40)
        labels = np.concatenate([np.arange(5), random.integers(5, size=35)])
        ids = [f"TEST_{number:05d}" for number in range(40)]
        submission = pd.DataFrame(scores, columns=NAMES).assign(ID=ids)
        answers = pd.DataFrame({"ID": ids, "label": np.array(NAMES)[labels]})
        expected = sklearn.metrics.log_loss(labels, scores)
        assert challenge_log_loss(answers, submission.sample(frac=1)) == pytest.approx(expected)

    def frames(self, **changes: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        answers = pd.DataFrame({"ID": ["a", "b"], "label": ["x", "y"]})
        submission = pd.DataFrame({"ID": ["b", "a"], "x": [0.2, 0.6], "y": [0.2, 0.2], "z": 0.5})
        return answers, submission.assign(**changes)

    def test_worked_example(self):
        # Column z occurs in no answer: a is 0.6 / 0.8, b is 0.2 / 0.4.
        expected = -(math.log(0.75) + math.log(0.5)) / 2
        assert challenge_log_loss(*self.frames()) == pytest.approx(expected)

    def test_classes_absent_from_the_answers_are_not_looked_at(self):
        assert challenge_log_loss(*self.frames(z=math.nan)) == challenge_log_loss(*self.frames())

    def test_missing_class_names_the_column(self):
        answers, submission = self.frames()
        with pytest.raises(ValueError, match=r"lacks the class columns \['y'\]"):
            challenge_log_loss(answers, submission.drop(columns="y"))

    def test_row_count(self):
        answers, submission = self.frames()
        with pytest.raises(ValueError, match="1 rows and the answers 2"):
            challenge_log_loss(answers, submission.iloc[:1])

    def test_other_id(self):
        with pytest.raises(ValueError, match="first 'c' against 'b'"):
            challenge_log_loss(*self.frames(ID=["a", "c"]))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([0.2, math.nan], "'a' has NaN"),
            ([1.01, 0.5], "'b' has a probability outside"),
            ([0.2, -0.01], "'a' has a probability outside"),
        ],
    )
    def test_bad_values_name_the_row(self, values: list[float], message: str):
        with pytest.raises(ValueError, match=message):
            challenge_log_loss(*self.frames(x=values))

    def test_row_without_mass(self):
        with pytest.raises(ValueError, match="'b' has probability zero for every class"):
            challenge_log_loss(*self.frames(x=[0, 0.5], y=[0, 0.5]))

    def test_no_answers(self):
        answers, submission = self.frames()
        with pytest.raises(ValueError, match="nothing to score"):
            challenge_log_loss(answers.iloc[:0], submission.iloc[:0])


@st.composite
def scored_photos(draw) -> tuple[np.ndarray, np.ndarray]:
    photos, classes = draw(st.integers(1, 6)), draw(st.integers(2, 7))
    # Few levels, so that ties are common.
    levels = st.lists(st.integers(-3, 3), min_size=classes, max_size=classes)
    scores = np.array(draw(st.lists(levels, min_size=photos, max_size=photos)), float)
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=photos, max_size=photos))
    return normalise_log(scores), np.array(labels)


class TestLogLoss:
    def test_equals_scikit_learn(self):
        import sklearn.metrics

        random = np.random.default_rng(1)
        log_probabilities = normalise_log(random.normal(size=(50, 6)) * 3)
        labels = random.integers(6, size=50)
        probabilities = np.exp(log_probabilities.astype(np.float64))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        expected = sklearn.metrics.log_loss(labels, probabilities, labels=range(6))
        assert log_loss(log_probabilities, labels) == pytest.approx(expected, abs=1e-6)

    def test_clips_as_the_challenge_does(self):
        log_probabilities = np.array([[0.0, -100.0]])
        assert log_loss(log_probabilities, np.array([1])) == pytest.approx(-math.log(1e-15))
        assert log_loss(log_probabilities, np.array([0])) == pytest.approx(1e-15, rel=0.2)

    def test_no_photo(self):
        with pytest.raises(ValueError, match="0 photos"):
            log_loss(np.zeros((0, 2)), np.zeros(0, int))

    def test_photo_without_a_label(self):
        with pytest.raises(ValueError, match="labels -1 to 0 do not fit 2 classes"):
            log_loss(np.log([[0.5, 0.5]] * 2), np.array([0, -1]))


class TestAccuracy:
    @given(case=scored_photos(), k=st.integers(1, 8))
    def test_top_k_equals_the_obvious_count(self, case: tuple[np.ndarray, np.ndarray], k: int):
        log_probabilities, labels = case
        hits = [
            label in sorted(range(len(row)), key=lambda index: (-row[index], index))[:k]
            for row, label in zip(log_probabilities.tolist(), labels, strict=True)
        ]
        assert top_k_accuracy(log_probabilities, labels, k) == pytest.approx(np.mean(hits))

    @given(case=scored_photos())
    def test_accuracy_is_the_argmax(self, case: tuple[np.ndarray, np.ndarray]):
        log_probabilities, labels = case
        expected = (log_probabilities.argmax(axis=1) == labels).mean()
        assert accuracy(log_probabilities, labels) == pytest.approx(expected)

    def test_uniform_scores_do_not_hit_every_label(self):
        assert top_k_accuracy(np.full((4, 4), np.log(0.25)), np.arange(4), 2) == 0.5

    def test_most_probable_first(self):
        assert most_probable(np.log([[0.2, 0.5, 0.3]]), 2).tolist() == [[1, 2]]


def test_member_metrics_of_a_sure_and_right_member():
    log_probabilities = normalise_log(np.eye(7) * 50)
    metrics = member_metrics(log_probabilities, np.arange(7))
    assert metrics == {
        "log_loss": pytest.approx(0, abs=1e-9),
        "accuracy": 1.0,
        "top_5_accuracy": 1.0,
        "calibration_error": pytest.approx(0, abs=1e-6),
        "photos": 7,
    }
