"""Groups by the distances to the nearest neighbour, on features drawn in bursts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.training import matched_folds
from chajong.training.folds import CALIBRATION
from chajong.training.matched_folds import (
    Compared,
    class_trees,
    clusters,
    comparable,
    dealt,
    match_groups,
)

CLASSES, WIDTH = 6, 24
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)


def photos_in_bursts(scenes: int, photos_a_scene: int, seed: int):
    """Photos of classes, in scenes within a class, each a little beside its scene."""
    centres = np.random.default_rng(0).normal(size=(CLASSES, WIDTH)) * 2
    generator = np.random.default_rng(seed)
    scene = np.repeat(np.arange(scenes), photos_a_scene)
    labels = scene % CLASSES
    of_scene = generator.normal(size=(scenes, WIDTH)) * 2
    beside = generator.normal(size=(len(scene), WIDTH)) * 0.05
    features = (centres[labels] + of_scene[scene] + beside).astype(np.float32)
    return features, labels, scene


def matched(train, new, labels, groups=None, thresholds=THRESHOLDS):
    alone = np.arange(len(train)) if groups is None else groups
    return match_groups(
        train, new, labels.tolist(), alone, thresholds=thresholds, fold_count=5, seed=0
    )


def same_parts(one, other) -> bool:
    return (
        pd.DataFrame({"one": one, "other": other}).drop_duplicates().shape[0]
        == len(np.unique(one))
        == len(np.unique(other))
    )


class TestBursts:
    def test_photos_of_one_burst_are_joined_and_no_others(self):
        train, labels, scene = photos_in_bursts(60, 5, seed=1)
        new, _, _ = photos_in_bursts(60, 1, seed=2)
        matching = matched(train, new, labels)
        assert same_parts(matching.chosen.groups, scene)
        assert matching.chosen.mismatch < 0.1 * matching.plain.mismatch

    def test_none_is_joined_where_train_photos_are_as_far_as_new_ones(self):
        train, labels, _ = photos_in_bursts(300, 1, seed=1)
        new, _, _ = photos_in_bursts(60, 1, seed=2)
        matching = matched(train, new, labels)
        assert matching.chosen is matching.plain
        assert len(np.unique(matching.chosen.groups)) == len(train)

    def test_none_is_joined_where_new_photos_continue_the_bursts(self):
        photos, labels, _ = photos_in_bursts(60, 6, seed=1)
        first = np.arange(len(photos)) % 6 < 5
        matching = matched(photos[first], photos[~first], labels[first])
        assert matching.chosen is matching.plain

    def test_without_thresholds_photos_stay_as_they_are(self):
        train, labels, _ = photos_in_bursts(60, 5, seed=1)
        new, _, _ = photos_in_bursts(60, 1, seed=2)
        matching = matched(train, new, labels, thresholds=())
        assert matching.chosen is matching.plain
        assert len(matching.candidates) == 1

    def test_the_table_names_what_was_chosen(self):
        train, labels, _ = photos_in_bursts(60, 5, seed=1)
        new, _, _ = photos_in_bursts(60, 1, seed=2)
        matching = matched(train, new, labels)
        table = matching.table()
        assert table["threshold"].isna().tolist() == [True] + [False] * len(THRESHOLDS)
        chosen = table[table["chosen"]]
        assert chosen["threshold"].tolist() == [matching.chosen.threshold]
        assert chosen["held_out"].item() == pytest.approx(chosen["new"].item(), abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_what_belongs_together_stays_together_and_classes_apart(seed):
    train, labels, _ = photos_in_bursts(30, 4, seed)
    new, _, _ = photos_in_bursts(30, 1, seed + 1)
    groups = np.random.default_rng(seed).integers(0, 40, len(train))
    for candidate in matched(train, new, labels, groups).candidates:
        table = pd.DataFrame({"given": groups, "now": candidate.groups})
        assert table.groupby("given")["now"].nunique().eq(1).all()
    for candidate in matched(train, new, labels).candidates:
        assert pd.Series(labels).groupby(candidate.groups).nunique().eq(1).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1.9), st.integers(1, 7))
def test_a_class_keeps_as_many_groups_as_folds_where_it_has_them(seed, threshold, fewest):
    train, labels, _ = photos_in_bursts(20, 3, seed)
    directions, _ = comparable(train, train[:1])
    trees = list(class_trees(directions, labels.tolist(), seed))
    groups = clusters(trees, len(train), threshold, fewest)
    kept = pd.Series(groups).groupby(labels).nunique()
    assert (kept >= np.minimum(fewest, pd.Series(labels).value_counts().sort_index())).all()


def test_groups_do_not_depend_on_what_classes_are_called():
    train, labels, _ = photos_in_bursts(60, 5, seed=1)
    new, _, _ = photos_in_bursts(60, 1, seed=2)
    names = np.array(["쏘나타", "K5", "아반떼", "G80", "EV6", "모닝"], dtype=object)[labels]
    assert (
        matched(train, new, names).chosen.groups == matched(train, new, labels).chosen.groups
    ).all()


def test_photos_that_show_the_same_are_joined_although_nothing_tells_them_apart():
    """A row of zeros, such as a black photo's, has no direction and stops nothing."""
    train, labels, _ = photos_in_bursts(60, 5, seed=1)
    new, _, _ = photos_in_bursts(60, 1, seed=2)
    train[:10] = 0
    matching = matched(train, new, labels)
    assert np.isfinite(matching.table()[["held_out", "new", "mismatch"]]).all(axis=None)


class TestDistances:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 1000), st.sampled_from([1, 3, 64]))
    def test_they_are_those_of_comparing_all(self, seed, neighbours):
        features, labels, _ = photos_in_bursts(20, 4, seed)
        train, new = comparable(features, photos_in_bursts(20, 1, seed + 1)[0])
        folds = dealt(np.arange(80) // 4, labels[:80].tolist(), 3, seed)
        folds[:8] = CALIBRATION
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(matched_folds, "NEIGHBOURS", neighbours)
            held_out, of_new = Compared.draw(train, new, seed).distances(folds)
        usable = folds != CALIBRATION
        expected = [
            1 - (train[row] @ train[usable & (folds != folds[row])].T).max()
            for row in np.flatnonzero(usable)
        ]
        np.testing.assert_allclose(np.sort(held_out), np.sort(expected), atol=1e-5)
        order = np.random.default_rng(seed)
        order.permutation(len(train))
        drawn = order.permutation(len(new))
        expected = [
            1 - (new[row] @ train[usable & (folds != place % 3)].T).max()
            for place, row in enumerate(drawn)
        ]
        np.testing.assert_allclose(of_new, expected, atol=1e-5)

    def test_a_sample_says_about_the_same(self, monkeypatch):
        train, _, _ = photos_in_bursts(60, 5, seed=1)
        sides = comparable(train, photos_in_bursts(60, 1, seed=2)[0])
        folds = np.arange(len(train)) % 5
        everything = np.median(Compared.draw(*sides, seed=0).distances(folds)[0])
        monkeypatch.setattr(matched_folds, "COMPARED_PHOTOS", 50)
        held_out, of_new = Compared.draw(*sides, seed=0).distances(folds)
        assert len(held_out) == len(of_new) == 50
        assert np.median(held_out) == pytest.approx(everything, rel=0.3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_whole_groups_are_dealt_and_each_class_to_every_fold(seed, fold_count):
    labels = np.arange(120) % 4
    groups = labels + 4 * np.random.default_rng(seed).integers(0, 12, 120)
    folds = dealt(groups, labels.tolist(), fold_count, seed)
    assert pd.Series(folds).groupby(groups).nunique().eq(1).all()
    assert set(folds) == set(range(fold_count))
    of_group = pd.DataFrame({"fold": folds, "label": labels}, index=groups)
    counts = pd.crosstab(*of_group[~of_group.index.duplicated()].T.to_numpy())
    assert (counts.max() - counts.min()).max() <= 1


def test_a_large_class_is_clustered_in_parts(monkeypatch):
    monkeypatch.setattr(matched_folds, "LARGEST_TREE", 40)
    train, _, scene = photos_in_bursts(60, 5, seed=1)
    directions, _ = comparable(train, train[:1])
    trees = list(class_trees(directions, ["차"] * len(train), 0))
    assert sorted(np.concatenate([photos for photos, _ in trees])) == list(range(len(train)))
    assert len(trees) > 7
    groups = clusters(trees, len(train), 0.1, 1)
    together = pd.Series(groups).groupby(scene).nunique()
    assert together.eq(1).mean() > 0.9
