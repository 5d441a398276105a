"""What to write into the two columns of one car, under every way the answers may name it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.contract import Predictions, normalise_log
from chajong.predictions.metric import challenge_log_loss
from chajong.predictions.submission import build_submission

CARS = 40
PHOTOS_PER_CAR = 10
FIRST, SECOND = "718_박스터_2017_2024", "박스터_718_2017_2024"
EFFECTIVE = (FIRST, *(f"차_{number}_2020" for number in range(1, CARS)))
COLUMNS = sorted((*EFFECTIVE, SECOND))
EFFECTIVE_OF = {name: FIRST if name == SECOND else name for name in COLUMNS}

Policy = Callable[[pd.DataFrame], pd.DataFrame]
Scorer = Callable[[pd.DataFrame, np.ndarray], float]


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.repeat(np.arange(CARS), PHOTOS_PER_CAR)


@pytest.fixture(scope="module", params=[3.0, 6.0, 9.0], ids=["unsure", "fair", "good"])
def filled(request: pytest.FixtureRequest, labels: np.ndarray) -> pd.DataFrame:
    """The submission of a member of some skill, the merged probability in both columns."""
    scores = np.random.default_rng(0).normal(size=(len(labels), CARS)) * 1.5
    scores[np.arange(len(labels)), labels] += request.param
    ids = [f"TEST_{number:05d}" for number in range(len(labels))]
    rows = pd.DataFrame({"photo_id": ids, "split": "test", "fold": -1, "label_counts": False})
    predictions = Predictions(rows, normalise_log(scores), EFFECTIVE, "hash")
    return build_submission(predictions, EFFECTIVE_OF, COLUMNS, ids, np.full(CARS, 1 / CARS))


def halved(submission: pd.DataFrame) -> pd.DataFrame:
    return submission.assign(**{name: submission[name] / 2 for name in (FIRST, SECOND)})


def zeroed(submission: pd.DataFrame) -> pd.DataFrame:
    return submission.assign(**{SECOND: 0.0})


def answers(submission: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"ID": submission["ID"], "label": np.array(EFFECTIVE, object)[labels]})


def score_first_name(submission: pd.DataFrame, labels: np.ndarray) -> float:
    return challenge_log_loss(answers(submission, labels), submission)


def score_second_name(submission: pd.DataFrame, labels: np.ndarray) -> float:
    renamed = answers(submission, labels).replace({"label": {FIRST: SECOND}})
    return challenge_log_loss(renamed, submission)


def score_either_at_random(submission: pd.DataFrame, labels: np.ndarray) -> float:
    either = answers(submission, labels)
    swapped = (either["label"] == FIRST) & (np.arange(len(labels)) % 2 == 0)
    return challenge_log_loss(
        either.assign(label=either["label"].mask(swapped, SECOND)), submission
    )


def score_merged_class(submission: pd.DataFrame, labels: np.ndarray) -> float:
    """The answers name the car, and the scorer adds up its two columns."""
    share = submission[COLUMNS].div(submission[COLUMNS].sum(axis=1), axis=0)
    merged = share.assign(**{FIRST: share[FIRST] + share[SECOND], "ID": submission["ID"]})
    return challenge_log_loss(answers(submission, labels), merged.drop(columns=SECOND))


SCORERS = [score_first_name, score_second_name, score_either_at_random, score_merged_class]


@pytest.mark.parametrize("score", SCORERS)
def test_filling_both_is_never_worse_than_half_each(
    filled: pd.DataFrame, labels: np.ndarray, score: Scorer
):
    assert score(filled, labels) <= score(halved(filled), labels) + 0.01


@pytest.mark.parametrize("score", [score_second_name, score_either_at_random])
def test_zeroing_one_costs_a_lot_where_the_answers_use_it(
    filled: pd.DataFrame, labels: np.ndarray, score: Scorer
):
    assert score(zeroed(filled), labels) > score(filled, labels) + 0.2


@pytest.mark.parametrize("score", [score_first_name, score_merged_class])
def test_zeroing_one_gains_next_to_nothing_elsewhere(
    filled: pd.DataFrame, labels: np.ndarray, score: Scorer
):
    assert score(zeroed(filled), labels) > score(filled, labels) - 0.01


@pytest.mark.parametrize("score", SCORERS[:3])
def test_dividing_rows_by_their_sum_leaves_the_challenge_score(
    filled: pd.DataFrame, labels: np.ndarray, score: Scorer
):
    undivided = filled.copy()
    undivided[COLUMNS] *= 1 / (1 - filled[[SECOND]].to_numpy())
    assert score(undivided, labels) == pytest.approx(score(filled, labels), rel=1e-12)
