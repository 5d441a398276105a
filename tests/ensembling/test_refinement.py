import numpy as np
import pandas as pd
import pytest
from photo_table import photo_table

from chajong.ensembling.family_temperature import NO_FAMILY_TEMPERATURES, FamilyTemperatures
from chajong.ensembling.pooling import pool_members
from chajong.ensembling.refinement import STEP, refine_pool
from chajong.predictions.contract import (
    Predictions,
    contract_hash,
    normalise_log,
    split_rows,
    train_rows,
)

CLASSES = pd.DataFrame(
    {
        "name": list("abcdef"),
        "effective_class": list("abcdef"),
        "effective_id": range(6),
        "maker": [None] * 6,
        "base": ["one", "one", "one", "two", "two", "two"],
    }
)
TRAIN, TEST = 600, 200
TEST_IDS = [f"TEST_{number}" for number in range(TEST)]


class World:
    """A member that is too sure inside one family and not sure enough inside the other.

    No temperature of the whole pool mends both.
    """

    def __init__(self, wrongness: float) -> None:
        random = np.random.default_rng(0)
        train = [f"train/{number}" for number in range(TRAIN)]
        self.ids = [*train, *TEST_IDS]
        between = 8 * np.eye(2)[random.integers(2, size=len(self.ids))].repeat(3, axis=1)
        within = random.normal(size=(len(self.ids), 6)) * 1.5
        right = np.exp(normalise_log(between + within))
        drawn = (right.cumsum(axis=1) < random.random((len(self.ids), 1))).sum(axis=1)
        self.truth = pd.Series(drawn.clip(max=5), index=self.ids)
        distorting = FamilyTemperatures(((0, 1, 2), (3, 4, 5)), (1 / wrongness, wrongness))
        self.scores = distorting.log_probabilities(normalise_log(between + within))
        self.folds = pd.DataFrame(
            {
                "photo_id": train,
                "fold": np.arange(TRAIN) % 3,
                "label_counts": np.arange(TRAIN) % 50 != 7,
                "group": np.arange(TRAIN),
                "encoder": "",
            }
        )
        names = CLASSES["name"].to_numpy()[self.truth[train]]
        photos = photo_table(train, names)
        self.contract = contract_hash(CLASSES, self.folds, photos)

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
        scores = self.scores[pd.Index(self.ids).get_indexer(rows["photo_id"])]
        return Predictions(rows, scores, tuple("abcdef"), self.contract)

    def refine(self):
        members = {"hog": self.member()}
        pooled = pool_members(members, self.labels, self.folds, TEST_IDS, self.contract)
        return pooled, refine_pool(pooled, self.labels, self.folds, CLASSES)


@pytest.fixture(scope="module")
def wrong():
    world = World(wrongness=3.0)
    return world, *world.refine()


def test_what_is_learned_from_labels_helps_photos_that_no_one_has_seen(wrong):
    world, pooled, refined = wrong
    assert refined.families.families == ((0, 1, 2), (3, 4, 5))
    assert refined.families.temperatures[0] > 1 > refined.families.temperatures[1]
    losses = refined.step_losses
    assert losses[STEP].mean() < losses["floor"].mean() - 0.05
    truth = world.truth[TEST_IDS].to_numpy()
    before, after = (
        split_rows(each.predictions, "test").log_probabilities[np.arange(TEST), truth].mean()
        for each in (pooled, refined)
    )
    assert after > before + 0.05


def test_the_last_step_is_what_the_predictions_say(wrong):
    world, _, refined = wrong
    train = train_rows(refined.predictions)
    counted = train.take(train.rows["label_counts"].to_numpy())
    labels = world.truth[counted.rows["photo_id"]].to_numpy()
    losses = -counted.log_probabilities[np.arange(len(labels)), labels]
    assert refined.step_losses.columns[-1] == STEP
    assert refined.step_losses["photo_id"].tolist() == counted.rows["photo_id"].tolist()
    np.testing.assert_allclose(refined.step_losses[STEP], losses, atol=1e-5)


def test_a_train_photo_is_treated_by_what_other_parts_taught(wrong):
    _, pooled, refined = wrong
    by_all = refined.families.log_probabilities(train_rows(pooled.predictions).log_probabilities)
    assert not np.allclose(train_rows(refined.predictions).log_probabilities, by_all, atol=1e-6)


def test_where_nothing_helps_the_pool_stays_bit_for_bit():
    pooled, refined = World(wrongness=1.0).refine()
    assert refined.families == NO_FAMILY_TEMPERATURES
    np.testing.assert_array_equal(
        refined.predictions.log_probabilities, pooled.predictions.log_probabilities
    )
