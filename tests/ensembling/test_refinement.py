from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chajong.encoders.features import Features
from chajong.ensembling.pooling import pool_members
from chajong.ensembling.refinement import STEPS, refine_pool
from chajong.predictions.contract import (
    Predictions,
    contract_hash,
    normalise_log,
    split_rows,
    train_rows,
)

CLASSES = pd.DataFrame(
    {
        "name": ["a", "b", "c", "d"],
        "effective_class": ["a", "b", "c", "d"],
        "effective_id": range(4),
        "maker": [None] * 4,
        "base": ["one", "one", "two", "two"],
    }
)
TEST_IDS = [f"TEST_{number}" for number in range(40)]


class World:
    """A member that cannot tell a from b, and features that can."""

    def __init__(self, telling: bool) -> None:
        random = np.random.default_rng(0)
        train = [f"train/{number}" for number in range(300)]
        ids = [*train, *TEST_IDS]
        self.truth = pd.Series(random.integers(4, size=len(ids)), index=ids)
        self.folds = pd.DataFrame(
            {
                "photo_id": train,
                "fold": np.arange(300) % 3,
                "label_counts": np.arange(300) % 50 != 7,
                "group": np.arange(300),
            }
        )
        names = CLASSES["name"].to_numpy()[self.truth[train]]
        self.photos = pd.DataFrame({"photo_id": train, "class_name": names})
        self.contract = contract_hash(CLASSES, self.folds, self.photos)
        shift = 2.5 * (self.truth.to_numpy() % 2)[:, None] if telling else 0.0
        self.matrix = (random.normal(size=(len(ids), 6)) + shift).astype(np.float32)
        self.features = Features(tuple(ids), self.matrix, "key", "content")

    @property
    def labels(self) -> pd.Series:
        return self.truth[self.folds["photo_id"]]

    def member(self) -> Predictions:
        tests = [
            pd.DataFrame(
                {"photo_id": TEST_IDS, "split": "test", "fold": fold, "label_counts": False}
            )
            for fold in range(3)
        ]
        train = self.folds[["photo_id", "fold", "label_counts"]].assign(split="train")
        rows = pd.concat([train, *tests], ignore_index=True)
        rows = rows[["photo_id", "split", "fold", "label_counts"]]
        # Both classes of a family get the same, so that only the features can tell them apart.
        scores = np.random.default_rng(1).normal(size=(len(rows), 2)).repeat(2, axis=1)
        family = self.truth[rows["photo_id"]].to_numpy() // 2
        scores[np.arange(len(rows)), 2 * family] += 2
        scores[np.arange(len(rows)), 2 * family + 1] += 2
        return Predictions(rows, normalise_log(scores), tuple("abcd"), self.contract)

    def refine(self, labels: pd.Series | None = None, features: bool = True):
        known = self.labels if labels is None else labels
        pooled = pool_members({"hog": self.member()}, known, self.folds, TEST_IDS, self.contract)
        strongest = ("hog", self.features) if features else None
        return pooled, refine_pool(pooled, known, self.folds, CLASSES, strongest)


@pytest.fixture(scope="module")
def telling():
    world = World(telling=True)
    return world, *world.refine()


def test_specialists_that_know_more_help_photos_that_no_one_has_seen(telling):
    world, pooled, refined = telling
    assert refined.features_of == "hog"
    assert refined.specialists["kept"].any()
    losses = refined.step_losses
    assert losses["specialists"].mean() < losses["floor"].mean() - 0.1
    truth = world.truth[TEST_IDS].to_numpy()
    before, after = (
        split_rows(each.predictions, "test").log_probabilities[np.arange(40), truth].mean()
        for each in (pooled, refined)
    )
    assert after > before + 0.1


def test_the_last_step_is_what_the_predictions_say(telling):
    world, _, refined = telling
    train = train_rows(refined.predictions)
    counted = train.take(train.rows["label_counts"].to_numpy())
    labels = world.truth[counted.rows["photo_id"]].to_numpy()
    losses = -counted.log_probabilities[np.arange(len(labels)), labels]
    assert list(refined.step_losses.columns[-3:]) == list(STEPS)
    assert refined.step_losses["photo_id"].tolist() == counted.rows["photo_id"].tolist()
    np.testing.assert_allclose(refined.step_losses[STEPS[-1]], losses, atol=1e-5)


def test_where_nothing_helps_the_pool_stays_bit_for_bit():
    pooled, refined = World(telling=False).refine()
    assert not refined.specialists["kept"].any()
    np.testing.assert_array_equal(
        refined.predictions.log_probabilities, pooled.predictions.log_probabilities
    )
    assert (refined.unseen["gate"] == 0).all()


def test_without_features_there_are_no_specialists():
    _, refined = World(telling=True).refine(features=False)
    assert refined.features_of is None
    assert refined.specialists.empty
    assert refined.unseen["unlikeness"].isna().all()
    assert refined.unseen["photo_id"].tolist() == TEST_IDS


def test_an_unlike_photo_is_named(telling):
    world, pooled, _ = telling
    matrix = world.matrix + 10
    matrix[world.features.photo_ids.index(TEST_IDS[3])] *= -1
    features = replace(world.features, matrix=matrix)
    found = refine_pool(pooled, world.labels, world.folds, CLASSES, ("hog", features))
    unlike = found.unseen.set_index("photo_id")["unlikeness"]
    assert unlike.idxmax() == TEST_IDS[3]
