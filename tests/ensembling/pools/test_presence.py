from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chajong.ensembling.pools.choice import PoolingProblem
from chajong.ensembling.pools.fitting import fit_pool
from chajong.ensembling.pools.presence import (
    align_members,
    fit_set,
    fitting_parts,
    usable_members,
)
from chajong.predictions.contract import Predictions

CLASSES = ("쏘나타_2019_2023", "K5_2020", "아반떼_2020_2022")
PHOTOS = [f"train/{number}.jpg" for number in range(120)]
FOLDS = pd.DataFrame(
    {
        "photo_id": PHOTOS,
        "fold": np.arange(120) % 3,
        "label_counts": np.arange(120) % 6 != 5,
        "group": np.arange(120),
    }
)
LABELS = np.arange(120) % 7 % 3


def member(photos=PHOTOS, tests=("TEST_0",), seed=0, contract="now") -> Predictions:
    fold_of = FOLDS.set_index("photo_id")
    rows = [(photo, "train", fold_of.fold[photo], fold_of.label_counts[photo]) for photo in photos]
    rows += [(photo, "test", 0, False) for photo in tests]
    table = pd.DataFrame(rows, columns=["photo_id", "split", "fold", "label_counts"])
    values = np.random.default_rng(seed).dirichlet(np.ones(3), len(rows))
    places = [PHOTOS.index(photo) for photo in photos]
    values[np.arange(len(photos)), LABELS[places]] += 0.5
    values /= values.sum(axis=1, keepdims=True)
    table = table.astype({"label_counts": bool, "fold": int})
    return Predictions(table, np.log(values).astype(np.float32), CLASSES, contract)


def reasons(**members: Predictions) -> dict[str, str]:
    return usable_members(members, FOLDS, ["TEST_0", "TEST_1"], "now")[1]


class TestUsableMembers:
    def test_partial_members_are_used(self):
        clip = member(tests=["TEST_1"], seed=2)
        assert reasons(hog=member(), vlm=member(PHOTOS[:60], seed=1), clip=clip) == {}

    def test_other_contract(self):
        reason = reasons(hog=member(contract="old"))["hog"]
        assert reason.startswith("made with other photos, classes, folds or labels")
        assert reason.endswith("`kedro run --namespaces hog`")

    def test_no_test_photo(self):
        found = reasons(hog=member(), vlm=member(tests=["TEST_9"]))
        assert found == {"vlm": "has none of the 2 test photos: finish its run"}

    def test_without_test_photos_none_is_needed(self):
        assert usable_members({"hog": member(tests=())}, FOLDS, [], "now")[1] == {}

    def test_too_few_shared_photos(self):
        found = reasons(vlm=member(PHOTOS[:30]), hog=member(), clip=member(PHOTOS[6:]))
        assert found == {
            "vlm": "has only 20 of the 95 train photos with counted labels that hog, clip have, "
            "and 30 are needed: finish its folds"
        }

    def test_a_single_member_with_too_few_photos(self):
        assert "only 20 of the 100" in reasons(vlm=member(PHOTOS[:24]))["vlm"]

    def test_a_tiny_data_set_asks_for_no_more_than_it_has(self):
        members = {"hog": member(PHOTOS[:12]), "clip": member(PHOTOS[:12], seed=1)}
        assert usable_members(members, FOLDS[:12], ["TEST_0"], "now")[1] == {}

    def test_the_order_of_members_stays(self):
        members = {"vlm": member(PHOTOS[:60], seed=1), "hog": member()}
        assert list(usable_members(members, FOLDS, ["TEST_0"], "now")[0]) == ["vlm", "hog"]


def moved(predictions: Predictions, nats: float, row: int = -1) -> Predictions:
    """The same in another order of rows, but for one row, where odds move by a few nats."""
    values = predictions.log_probabilities.astype(float)
    values[row, 0] += nats
    values[row] -= np.log(np.exp(values[row]).sum())
    shuffled = np.random.default_rng(5).permutation(len(values))
    return replace(predictions, log_probabilities=values.astype(np.float32)).take(shuffled)


class TestRepetition:
    def test_the_earlier_of_two_that_say_the_same_stays(self):
        found = reasons(clip_frozen=member(), hog=member(seed=1), vlm=moved(member(), 1e-5))
        assert found == {"vlm": "repeats clip_frozen on every photo that it has, and adds nothing"}

    def test_a_member_with_fewer_photos_repeats_one_with_more(self):
        every = moved(member(), 0)
        half = every.take((~every.rows["photo_id"].isin(PHOTOS[60:])).to_numpy())
        assert "repeats clip_frozen" in reasons(vlm=half, clip_frozen=member())["vlm"]

    @pytest.mark.parametrize("row", [3, -1])
    def test_one_photo_of_another_opinion_keeps_a_member(self, row):
        assert reasons(clip_frozen=member(), vlm=moved(member(), 1e-3, row)) == {}

    def test_a_photo_that_the_other_lacks_keeps_a_member(self):
        more_tests = moved(member(tests=["TEST_0", "TEST_1"]), 0)
        assert reasons(clip_frozen=member(), vlm=more_tests) == {}


class TestAlignMembers:
    def test_rows_follow_the_photos(self):
        parts = [member(PHOTOS[::-1]), member(PHOTOS[:2], seed=1)]
        wanted = [PHOTOS[1], PHOTOS[7]]
        aligned = align_members(parts, wanted)
        np.testing.assert_array_equal(aligned.present, [[True, True], [True, False]])
        expected = parts[0].log_probabilities[[118, 112]]
        np.testing.assert_array_equal(aligned.log_probabilities[0], expected)
        np.testing.assert_array_equal(
            aligned.log_probabilities[1][0], parts[1].log_probabilities[1]
        )

    def test_a_photo_that_no_member_has_is_named(self):
        with pytest.raises(ValueError, match=r"photo 'train/60.jpg' \(60 of 120 photos"):
            align_members([member(PHOTOS[:60])], PHOTOS)

    def test_no_photo(self):
        aligned = align_members([member(), member()], [])
        assert aligned.present.shape == (0, 2)
        assert aligned.member_sets() == set()

    def test_sets_and_their_photos(self):
        aligned = align_members([member(), member(PHOTOS[:60])], PHOTOS)
        assert aligned.member_sets() == {(True, True), (True, False)}
        every = np.arange(120)
        np.testing.assert_array_equal(aligned.with_exactly((True, False), every), every[60:])


class TestFitSet:
    def test_a_set_is_fitted_on_what_all_of_it_have(self):
        members = [member(seed=1), member(PHOTOS[:60], seed=2)]
        aligned = align_members(members, PHOTOS)
        photos = PoolingProblem(
            members=aligned.log_probabilities,
            labels=LABELS,
            counts=FOLDS["label_counts"].to_numpy(),
            groups=FOLDS["group"].to_numpy(),
            parts=FOLDS["fold"].to_numpy(),
            photo_weights=np.ones(120),
        )
        both = fit_set(aligned, photos, (True, True))
        first = fit_set(aligned, photos, (True, False))
        np.testing.assert_array_equal(both.rows, np.arange(60))
        np.testing.assert_array_equal(first.rows, np.arange(120))
        used = np.flatnonzero(photos.counts[:60])
        pool = both.fitted.overall.pool
        assert pool == fit_pool(pool.method, aligned.log_probabilities, used, LABELS[used])
        assert len(first.fitted.overall.pool.weights) == 1


class TestFittingParts:
    def test_are_the_folds(self):
        folds = np.arange(60) % 3
        found = fitting_parts(folds, np.arange(60), np.ones(60, bool))
        np.testing.assert_array_equal(found, folds)

    @pytest.mark.parametrize("counted", [True, False])
    def test_are_halves_by_group_where_a_fold_is_nearly_missing(self, counted: bool):
        folds = np.repeat([0, 1], [56, 4] if counted else [30, 30])
        counts = np.ones(60, bool)
        if not counted:
            counts[34:] = False
        groups = np.arange(60) // 3
        found = fitting_parts(folds, groups, counts)
        assert abs((found == 0).sum() - 30) <= 3
        assert all(len(np.unique(found[groups == group])) == 1 for group in groups)
