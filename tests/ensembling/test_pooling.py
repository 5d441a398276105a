from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from photo_table import photo_table
from tiny_predictions import align_to_photos

from chajong.ensembling.pooling import (
    SMALLEST_SLICE,
    Pooled,
    pool_members,
)
from chajong.ensembling.pools.choice import PoolingProblem, choose_pool
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import (
    Predictions,
    contract_hash,
    normalise_log,
    pool_fold_models,
    split_rows,
    train_rows,
)
from chajong.predictions.metric import log_loss

NAMES = ("쏘나타_2019_2023", "K5_2020", "아반떼_2020_2022", "그랜저_2016_2019")
TEST_IDS = [f"TEST_{number:05d}" for number in range(20)]


def equal_weights(members: list[np.ndarray]) -> np.ndarray:
    """The renormalised geometric mean."""
    return normalise_log(np.mean(members, axis=0))


class World:
    """Photos in three folds and a slice, with members of given skill and sharpness."""

    def __init__(self, slice_size: int) -> None:
        random = np.random.default_rng(0)
        photos = [f"train/{number}.jpg" for number in range(240 + slice_size)]
        self.folds = pd.DataFrame(
            {
                "photo_id": photos,
                "fold": [*(number % 3 for number in range(240)), *[-1] * slice_size],
                "label_counts": [number % 20 != 7 for number in range(240)] + [True] * slice_size,
                "group": range(len(photos)),
                "encoder": "",
            }
        ).sample(frac=1, random_state=0)
        ids = [*photos, *TEST_IDS]
        self.truth = pd.Series(random.integers(4, size=len(ids)), index=ids)
        self.labels = self.truth[photos]
        classes = pd.DataFrame({"name": NAMES, "effective_class": NAMES})
        names = [NAMES[label] for label in self.labels]
        table = photo_table(photos, names)
        self.contract = contract_hash(classes, self.folds, table)

    def member(self, seed: int, sharpness: float = 3.0) -> Predictions:
        in_fold = self.folds[self.folds["fold"] >= 0]
        held_out = self.folds[self.folds["fold"] < 0]
        rows = pd.concat(
            [
                in_fold[["photo_id", "fold", "label_counts"]].assign(split="train"),
                *(
                    held_out[["photo_id", "label_counts"]].assign(split="calibration", fold=fold)
                    for fold in range(3)
                ),
                *(
                    pd.DataFrame({"photo_id": TEST_IDS, "label_counts": False}).assign(
                        split="test", fold=fold
                    )
                    for fold in range(3)
                ),
            ]
        )[["photo_id", "split", "fold", "label_counts"]].sample(frac=1, random_state=seed)
        scores = np.random.default_rng(seed).normal(size=(len(rows), 4))
        scores[np.arange(len(rows)), self.truth[rows["photo_id"]]] += 1.5
        return Predictions(
            rows.reset_index(drop=True), normalise_log(scores * sharpness), NAMES, self.contract
        )

    def pool(self, members: dict[str, Predictions]) -> Pooled:
        return pool_members(members, self.labels, self.folds, TEST_IDS, self.contract)


@pytest.fixture(scope="module")
def world() -> World:
    return World(slice_size=300)


@pytest.fixture(scope="module")
def members(world: World) -> dict[str, Predictions]:
    return {"hog": world.member(1), "clip": world.member(2)}


@pytest.fixture(scope="module")
def pooled(world: World, members: dict[str, Predictions]) -> Pooled:
    return world.pool(members)


def fold_mean(member: Predictions, photo: str, split: str) -> np.ndarray:
    """The renormalised geometric mean over every row of the photo."""
    rows = [
        values
        for values, found, where in zip(
            member.log_probabilities, member.rows["photo_id"], member.rows["split"], strict=True
        )
        if (found, where) == (photo, split)
    ]
    return normalise_log(np.mean(rows, axis=0)[None])[0]


class TestRows:
    def test_one_row_per_photo(self, pooled: Pooled, world: World):
        photos = pooled.predictions.rows["photo_id"]
        assert sorted(photos) == sorted([*world.folds["photo_id"], *TEST_IDS])

    def test_test_photos_are_in_the_order_asked_for(self, pooled: Pooled):
        assert list(split_rows(pooled.predictions, "test").rows["photo_id"]) == TEST_IDS

    def test_train_rows_keep_fold_and_flag(self, pooled: Pooled, world: World):
        rows = train_rows(pooled.predictions).rows.set_index("photo_id")
        wanted = world.folds.set_index("photo_id").loc[rows.index, ["fold", "label_counts"]]
        pd.testing.assert_frame_equal(rows[["fold", "label_counts"]], wanted)

    @pytest.mark.parametrize("split", ["calibration", "test"])
    def test_unseen_photos_equal_the_obvious_pool_at_the_final_temperature(
        self, pooled: Pooled, members: dict[str, Predictions], split
    ):
        part = split_rows(pooled.predictions, split)
        final = replace(pooled.pool.pool, temperature=pooled.final_temperature)
        for photo, values in zip(part.rows["photo_id"], part.log_probabilities, strict=True):
            means = [fold_mean(member, photo, split)[None] for member in members.values()]
            np.testing.assert_allclose(values, final.log_probabilities(means)[0], atol=1e-4)

    def test_photos_that_no_one_asked_for_are_left_out(
        self, world: World, members: dict[str, Predictions], pooled: Pooled
    ):
        extra = members["hog"].rows.assign(photo_id=lambda rows: rows["photo_id"] + "?")
        longer = replace(
            members["hog"],
            rows=pd.concat([members["hog"].rows, extra[extra["split"] == "test"]]),
            log_probabilities=np.concatenate(
                [
                    members["hog"].log_probabilities,
                    members["hog"].log_probabilities[(extra["split"] == "test").to_numpy()],
                ]
            ),
        )
        again = world.pool(members | {"hog": longer})
        pd.testing.assert_frame_equal(again.predictions.to_frame(), pooled.predictions.to_frame())


class TestTemperature:
    def test_a_folds_rows_use_the_other_folds(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        train = train_rows(pooled.predictions)
        photos = list(train.rows["photo_id"])
        table = world.folds.set_index("photo_id").loc[photos]
        problem = PoolingProblem(
            members=[
                align_to_photos(train_rows(member), photos).log_probabilities
                for member in members.values()
            ],
            labels=world.labels[photos].to_numpy(),
            counts=table["label_counts"].to_numpy(),
            groups=table["group"].to_numpy(),
            parts=table["fold"].to_numpy(),
            photo_weights=np.ones(len(photos)),
        )
        for here in range(3):
            own = np.flatnonzero(problem.parts == here)
            pool = choose_pool(problem, problem.parts != here).pool
            np.testing.assert_allclose(
                train.log_probabilities[own],
                pool.log_probabilities(problem.members, own),
                atol=1e-5,
            )

    def test_a_folds_own_labels_do_not_touch_its_rows(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        own = world.folds.loc[world.folds["fold"] == 1, "photo_id"]
        labels = world.labels.copy()
        labels[own] = (labels[own] + 1) % 4
        again = pool_members(members, labels, world.folds, TEST_IDS, world.contract)
        for result, same in ((1, True), (0, False)):
            rows = (train_rows(pooled.predictions).rows["fold"] == result).to_numpy()
            before = train_rows(pooled.predictions).log_probabilities[rows]
            after = train_rows(again.predictions).log_probabilities[rows]
            assert np.array_equal(before, after) == same

    def test_labels_that_do_not_count_change_nothing(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        uncounted = world.folds.loc[~world.folds["label_counts"], "photo_id"]
        labels = world.labels.drop(uncounted)
        again = pool_members(members, labels, world.folds, TEST_IDS, world.contract)
        pd.testing.assert_frame_equal(again.predictions.to_frame(), pooled.predictions.to_frame())

    def test_final_temperature_fits_the_mean_of_fold_models_on_the_slice(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        slices = [pool_fold_models(member, "calibration") for member in members.values()]
        photos = list(slices[0].rows["photo_id"])
        raw = pooled.pool.pool.combined(
            [align_to_photos(part, photos).log_probabilities for part in slices]
        )
        expected = fit_temperature(raw, world.labels[photos].to_numpy())
        assert pooled.final_temperature == pytest.approx(expected, rel=1e-3)
        assert pooled.temperature_source == "the calibration slice"

    def test_mean_of_fold_models_is_softer_than_one_model(self, pooled: Pooled):
        assert pooled.final_temperature < pooled.out_of_fold_temperature

    def test_small_slice_takes_the_out_of_fold_temperature_and_says_so(self):
        small = World(slice_size=SMALLEST_SLICE - 1)
        pooled = small.pool({"hog": small.member(1)})
        assert pooled.final_temperature == pooled.out_of_fold_temperature
        assert "fewer than 30" in pooled.temperature_source

    def test_no_slice_and_no_test_photos(self):
        world = World(slice_size=0)
        member = train_rows(world.member(1))
        pooled = pool_members({"hog": member}, world.labels, world.folds, [], world.contract)
        assert len(pooled.predictions.rows) == 240

    def test_scoring_improves_on_overconfident_members(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        losses = []
        for result in (train_rows(pooled.predictions), train_rows(members["hog"])):
            counted = result.take(result.rows["label_counts"].to_numpy())
            labels = world.labels[counted.rows["photo_id"]].to_numpy()
            losses.append(log_loss(counted.log_probabilities, labels))
        assert losses[0] < losses[1]


class TestPartialMembers:
    def without(self, member: Predictions, left_out: np.ndarray) -> Predictions:
        return member.take(~np.asarray(left_out))

    def test_a_missing_fold_is_used_where_it_is_there(
        self, world: World, members: dict[str, Predictions]
    ):
        vlm = world.member(3)
        partial = self.without(vlm, vlm.rows["fold"] == 2)
        pooled = world.pool(members | {"vlm": partial})
        assert pooled.members == ("hog", "clip", "vlm")
        assert pooled.skipped == {}
        assert len(pooled.pool.pool.weights) == 3
        assert len(pooled.predictions.rows) == len(world.folds) + len(TEST_IDS)
        assert not pooled.step_losses.isna().any().any()

    def test_photos_without_a_member_equal_the_pool_of_the_others(
        self, world: World, members: dict[str, Predictions], pooled: Pooled
    ):
        vlm = world.member(3)
        partial = self.without(vlm, vlm.rows["fold"] == 2)
        again = train_rows(world.pool(members | {"vlm": partial}).predictions)
        lacking = (again.rows["fold"] == 2).to_numpy()
        before = train_rows(pooled.predictions).log_probabilities
        np.testing.assert_allclose(again.log_probabilities[lacking], before[lacking], atol=1e-5)
        assert not np.allclose(again.log_probabilities[~lacking], before[~lacking], atol=1e-2)

    def test_photos_with_all_members_do_not_see_the_labels_of_the_others(
        self, world: World, members: dict[str, Predictions]
    ):
        vlm = world.member(3)
        partial = members | {"vlm": self.without(vlm, vlm.rows["fold"] == 2)}
        before = train_rows(world.pool(partial).predictions)
        lacking = (before.rows["fold"] == 2).to_numpy()
        labels = world.labels.copy()
        own = before.rows.loc[lacking, "photo_id"]
        labels[own] = (labels[own] + 1) % 4
        after = train_rows(
            pool_members(partial, labels, world.folds, TEST_IDS, world.contract).predictions
        )
        # Nor do the lacking photos see their own labels.
        np.testing.assert_array_equal(after.log_probabilities, before.log_probabilities)

    def test_one_missing_test_photo(self, world: World, members: dict[str, Predictions]):
        vlm = world.member(3)
        partial = self.without(vlm, vlm.rows["photo_id"] == "TEST_00003")
        complete = split_rows(world.pool(members | {"vlm": vlm}).predictions, "test")
        lacking = split_rows(world.pool(members | {"vlm": partial}).predictions, "test")
        differs = (complete.log_probabilities != lacking.log_probabilities).any(axis=1)
        assert [TEST_IDS[place] for place in np.flatnonzero(differs)] == ["TEST_00003"]

    def test_a_photo_without_any_member(self, world: World, members: dict[str, Predictions]):
        partial = self.without(members["hog"], members["hog"].rows["photo_id"] == "TEST_00003")
        with pytest.raises(ValueError, match="'TEST_00003'"):
            world.pool({"hog": partial})

    def test_no_complete_member_leaves_gaps_in_the_best_ones_losses(
        self, world: World, members: dict[str, Predictions]
    ):
        halves = {
            name: self.without(
                member, (member.rows["fold"] == fold) & (member.rows["split"] == "train")
            )
            for fold, (name, member) in enumerate(members.items())
        }
        losses = world.pool(halves).step_losses
        assert losses.iloc[:, 1].isna().sum() == 76
        assert not losses.iloc[:, 2:].isna().any().any()


class TestSteps:
    def test_columns(self, pooled: Pooled, world: World):
        assert list(pooled.step_losses)[2:] == [
            "equal weights",
            "chosen pool",
            "temperature",
            "floor",
        ]
        counted = world.folds.query("fold >= 0 and label_counts")["photo_id"]
        assert list(pooled.step_losses["photo_id"]) == list(counted)

    def test_last_step_is_the_loss_of_the_predictions(self, pooled: Pooled, world: World):
        train = train_rows(pooled.predictions)
        counted = train.take(train.rows["label_counts"].to_numpy())
        labels = world.labels[counted.rows["photo_id"]].to_numpy()
        expected = log_loss(counted.log_probabilities, labels)
        assert pooled.step_losses["floor"].mean() == pytest.approx(expected)

    def test_equal_weights_are_the_uniform_pool(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        photos = list(pooled.step_losses["photo_id"])
        raw = equal_weights(
            [align_to_photos(train_rows(m), photos).log_probabilities for m in members.values()]
        )
        expected = -raw[np.arange(len(photos)), world.labels[photos]]
        np.testing.assert_allclose(pooled.step_losses["equal weights"], expected, atol=1e-4)

    def test_best_member(self, pooled: Pooled, members: dict[str, Predictions], world: World):
        photos = list(pooled.step_losses["photo_id"])
        losses = {
            name: log_loss(
                align_to_photos(train_rows(member), photos).log_probabilities,
                world.labels[photos].to_numpy(),
            )
            for name, member in members.items()
        }
        best = min(losses, key=losses.__getitem__)
        assert pooled.step_losses[f"best member: {best}"].mean() == pytest.approx(losses[best])

    def test_contributions_name_every_member(self, pooled: Pooled):
        assert tuple(pooled.contributions["member"]) == pooled.members
        assert tuple(pooled.contributions["weight"]) == pooled.pool.pool.weights


class TestPhotoWeights:
    def test_the_scale_does_not_matter(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        weights = pd.Series(7.0, index=world.folds["photo_id"])
        again = pool_members(members, world.labels, world.folds, TEST_IDS, world.contract, weights)
        np.testing.assert_allclose(
            again.predictions.log_probabilities, pooled.predictions.log_probabilities, atol=1e-4
        )

    def test_weighty_photos_are_fitted_better(
        self, pooled: Pooled, members: dict[str, Predictions], world: World
    ):
        heavy = pooled.step_losses["photo_id"][pooled.step_losses["floor"] < 0.7]
        weights = pd.Series(1.0, index=world.folds["photo_id"])
        weights[heavy] = 20.0
        again = pool_members(members, world.labels, world.folds, TEST_IDS, world.contract, weights)
        before, after = (
            result.step_losses.set_index("photo_id").loc[heavy, "floor"].mean()
            for result in (pooled, again)
        )
        assert after < before
        assert again.final_temperature != pooled.final_temperature


class TestSkipped:
    def test_members_are_pooled_without_the_others(
        self, world: World, members: dict[str, Predictions], pooled: Pooled
    ):
        without_test = train_rows(world.member(3))
        other = replace(world.member(4), contract="other")
        again = world.pool(members | {"vlm": without_test, "llava": other})
        assert again.members == ("hog", "clip")
        assert sorted(again.skipped) == ["llava", "vlm"]
        pd.testing.assert_frame_equal(again.predictions.to_frame(), pooled.predictions.to_frame())

    def test_no_usable_member(self, world: World, members: dict[str, Predictions]):
        with pytest.raises(ValueError, match=r"No member can be pooled \(vlm has none of the 20"):
            world.pool({"vlm": train_rows(members["hog"])})

    def test_no_member(self, world: World):
        with pytest.raises(ValueError, match="there is none"):
            world.pool({})


class TestEvidence:
    """What a few photos cannot say is not said, and no step is kept that they do not carry."""

    def test_separable_photos_leave_every_class_a_share_that_follows_their_number(self):
        world = World(slice_size=0)
        few = world.folds["photo_id"].isin(world.folds["photo_id"].iloc[:40])
        world.folds = world.folds[few].assign(label_counts=True)
        member = world.member(1)
        labels = world.truth[member.rows["photo_id"]].to_numpy()
        scores = normalise_log(60 * np.eye(4)[labels] + np.arange(4))
        pooled = world.pool({"hog": replace(member, log_probabilities=scores)})
        test = np.exp(split_rows(pooled.predictions, "test").log_probabilities)
        assert test.min() == pytest.approx(1 / 42 / 4, rel=1e-3)
        assert test.max() == pytest.approx(1 - 3 / 42 / 4, rel=1e-3)

    def test_a_temperature_of_a_few_photos_that_is_not_certain_is_not_taken(self):
        world = World(slice_size=SMALLEST_SLICE)
        pooled = world.pool({"hog": world.member(1, sharpness=1.0)})
        assert pooled.final_temperature == pooled.out_of_fold_temperature
        assert "not certain to help" in pooled.temperature_source
