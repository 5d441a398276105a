import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.predictions.contract import Predictions, normalise_log
from chajong.predictions.metric import challenge_log_loss
from chajong.predictions.scoring import (
    class_prior,
    out_of_fold_metrics,
    photo_losses,
    train_labels,
)

NAMES = ["라브4_4세대_2013_2018", "쏘나타_2019_2023", "RAV4_2016_2018", "아반떼_2020_2022"]


@pytest.fixture
def numbered(classes) -> pd.DataFrame:
    return classes.assign(effective_id=[0, 1, 0, 2])


@pytest.fixture
def photos(folds, test_ids) -> pd.DataFrame:
    """The photos of `folds` in reverse, an unreadable train photo and the test photos."""
    train = folds["photo_id"].tolist()[::-1]
    return pd.DataFrame(
        {
            "photo_id": [*train, "train/broken.jpg", *test_ids],
            "split": ["train"] * 9 + ["test"] * 3,
            "sha256": [f"{number:064x}" for number in range(12)],
            "status": ["ok"] * 8 + ["unreadable"] + ["ok"] * 3,
            "class_name": [*(NAMES * 2)[::-1], NAMES[0], None, None, None],
        }
    )


def counted_rows(member: Predictions) -> np.ndarray:
    rows = member.rows
    return ((rows["split"] == "train") & rows["label_counts"]).to_numpy()


def test_labels_are_those_of_the_effective_class(photos, numbered):
    labels = train_labels(photos, numbered)
    assert labels.index.tolist() == photos["photo_id"][:8].tolist()
    assert labels.tolist() == [2, 0, 1, 0, 2, 0, 1, 0]


def test_figures_are_those_of_the_train_rows_that_count(make_member, photos, numbered):
    member = make_member(0)
    found = out_of_fold_metrics(member, photos, numbered)
    name_of = dict(zip(photos["photo_id"], photos["class_name"], strict=True))
    number_of = dict(zip(numbered["name"], numbered["effective_id"], strict=True))
    losses, hits = [], []
    for position in np.flatnonzero(counted_rows(member)):
        row = member.log_probabilities[position]
        label = number_of[name_of[member.rows["photo_id"][position]]]
        losses.append(-row[label])
        hits.append(row.argmax() == label)
    assert found["photos"] == len(losses) == 5
    assert found["log_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert found["accuracy"] == pytest.approx(np.mean(hits))
    assert found["uniform_log_loss"] == pytest.approx(np.log(3))


def test_rows_that_do_not_count_change_nothing(make_member, photos, numbered):
    member, noise = make_member(0), make_member(1)
    values = np.where(
        counted_rows(member)[:, None], member.log_probabilities, noise.log_probabilities
    )
    changed = Predictions(member.rows, values, member.class_names, member.contract)
    assert out_of_fold_metrics(changed, photos, numbered) == out_of_fold_metrics(
        member, photos, numbered
    )


def test_the_challenges_metric_is_that_of_a_submission_made_by_hand(make_member, photos, numbered):
    member = make_member(2)
    chosen = counted_rows(member)
    ids = member.rows.loc[chosen, "photo_id"].to_numpy()
    values = np.exp(member.log_probabilities[chosen].astype(np.float64))
    columns = {name: values[:, place] for name, place in zip(NAMES, [0, 1, 0, 2], strict=True)}
    submission = pd.DataFrame({"ID": ids} | columns)
    submission[NAMES] /= submission[NAMES].to_numpy().sum(axis=1, keepdims=True)
    name_of = dict(zip(photos["photo_id"], photos["class_name"], strict=True))
    answers = pd.DataFrame({"ID": ids, "label": [name_of[photo_id] for photo_id in ids]})
    found = out_of_fold_metrics(member, photos, numbered)["challenge_log_loss"]
    assert found == pytest.approx(challenge_log_loss(answers, submission), rel=1e-9)


def test_the_order_of_rows_does_not_matter(make_member, photos, numbered):
    member = make_member(0)
    shuffled = member.take(np.random.default_rng(0).permutation(len(member.rows)))
    expected = out_of_fold_metrics(member, photos, numbered)
    assert out_of_fold_metrics(shuffled, photos, numbered) == pytest.approx(expected)


def test_a_uniform_guess_scores_the_uniform_log_loss(make_member, photos, numbered):
    member = make_member(0)
    uniform = normalise_log(np.zeros_like(member.log_probabilities))
    guess = Predictions(member.rows, uniform, member.class_names, member.contract)
    found = out_of_fold_metrics(guess, photos, numbered)
    assert found["log_loss"] == pytest.approx(found["uniform_log_loss"])


def test_photo_losses_are_those_of_the_train_rows_that_count(make_member, photos, numbered):
    member = make_member(0)
    found = photo_losses(member, photos, numbered)
    counted = member.rows.loc[counted_rows(member), "photo_id"]
    assert found.index.tolist() == counted.tolist()
    figures = out_of_fold_metrics(member, photos, numbered)
    assert found.mean() == pytest.approx(figures["log_loss"], rel=1e-12)


def test_photo_losses_stay_with_their_photo(make_member, photos, numbered):
    member = make_member(0)
    shuffled = member.take(np.random.default_rng(0).permutation(len(member.rows)))
    expected = photo_losses(member, photos, numbered)
    found = photo_losses(shuffled, photos, numbered)
    pd.testing.assert_series_equal(found.loc[expected.index], expected)


def test_a_photo_loss_is_clipped_as_the_challenge_clips(make_member, photos, numbered):
    member = make_member(0)
    certain = np.full_like(member.log_probabilities, -1000.0)
    certain[:, 0] = 0.0
    found = photo_losses(
        Predictions(member.rows, certain, member.class_names, member.contract), photos, numbered
    )
    right, wrong = -np.log1p(-1e-15), -np.log(1e-15)
    assert sorted(set(found)) == pytest.approx([right, wrong])


@given(labels=st.lists(st.integers(0, 5), max_size=30))
def test_the_prior_is_a_distribution_that_is_never_zero(labels):
    prior = class_prior(np.array(labels, int), 6)
    assert prior.shape == (6,)
    assert prior.min() > 0
    assert prior.sum() == pytest.approx(1.0)


def test_the_prior_adds_one_photo_to_each_class():
    np.testing.assert_allclose(class_prior(np.array([0, 0, 2]), 4), np.array([3, 1, 2, 1]) / 7)
