import os

import numpy as np
import pytest

from chajong.members.trained.member import (
    Scored,
    calibrated_predictions,
    cross_fit_rows,
    forget_trainings,
    join_scored,
)
from chajong.predictions.completeness import complete_members
from chajong.predictions.contract import normalise_log
from chajong.predictions.cross_fitting import cross_fitting_parts
from chajong.predictions.mixture import fit_mixture
from chajong.training.engine import HISTORY_FILE


def scores_of(tables, fold, seed=0, kinds=2):
    """Evidence that leans to the truth, of every row of a fold."""
    rows = tables.rows_of_fold(fold)
    random = np.random.default_rng((seed, fold))
    evidence = random.normal(size=(kinds, len(rows), len(tables.class_names)))
    own = (rows["split"] == "train").to_numpy()
    evidence[0, np.flatnonzero(own), tables.labels_of(rows["photo_id"][own])] += 1.5
    return Scored(rows, tuple(evidence.astype(np.float32)))


@pytest.fixture
def tables(make_tables, tmp_path):
    return make_tables(tmp_path, count=60, fold_count=3)


@pytest.fixture
def scored(tables):
    return join_scored([scores_of(tables, fold) for fold in range(3)])


def values_by_photo(predictions):
    index = list(predictions.rows[["photo_id", "fold"]].itertuples(index=False, name=None))
    return dict(zip(index, predictions.log_probabilities.tolist(), strict=True))


def changed_rows(scored, tables, others):
    before, _ = calibrated_predictions(scored, tables)
    after, _ = calibrated_predictions(scored, others)
    differs = np.abs(after.log_probabilities - before.log_probabilities).max(axis=1) > 1e-7
    return before.rows.assign(changed=differs)


class TestScored:
    def test_joined_rows_keep_their_evidence(self, tables):
        parts = [scores_of(tables, fold) for fold in range(3)]
        joined = join_scored(parts)
        assert joined.rows["photo_id"].tolist() == [
            name for part in parts for name in part.rows["photo_id"]
        ]
        assert joined.rows.index.tolist() == list(range(len(joined.rows)))
        for kind in range(2):
            expected = np.concatenate([part.evidence[kind] for part in parts])
            np.testing.assert_array_equal(joined.evidence[kind], expected)

    @pytest.mark.parametrize("chosen", [np.array([4, 0, 7]), np.arange(12) > 8])
    def test_taken_rows_keep_their_evidence(self, tables, chosen):
        scored = scores_of(tables, 0)
        scored = scored.take(np.arange(12))
        taken = scored.take(chosen)
        places = np.arange(12)[chosen]
        assert taken.rows["photo_id"].tolist() == [scored.rows["photo_id"][n] for n in places]
        np.testing.assert_array_equal(taken.evidence[1], scored.evidence[1][places])


class TestCalibratedPredictions:
    def test_an_ensemble_can_use_them(self, scored, tables):
        predictions, _ = calibrated_predictions(scored, tables)
        readable = ["TEST_0", "TEST_1", "TEST_2"]
        usable, skipped = complete_members(
            {"tiny": predictions}, tables.folds, readable, tables.contract
        )
        assert list(usable) == ["tiny"]
        assert skipped == {}

    def test_they_are_those_of_an_obvious_loop(self, scored, tables):
        predictions, overall = calibrated_predictions(scored, tables)
        rows = scored.rows
        own = (rows["split"] == "train").to_numpy()
        counts = own & rows["label_counts"].to_numpy()
        label_of = dict(
            zip(tables.folds["photo_id"], tables.labels_of(tables.folds["photo_id"]), strict=True)
        )

        def fit(used):
            labels = np.array([label_of[name] for name in rows["photo_id"][used]])
            return fit_mixture([kind[used] for kind in scored.evidence], labels)

        whole = fit(counts)
        without = {fold: fit(counts & (rows["fold"] != fold).to_numpy()) for fold in range(3)}
        for place, row in enumerate(rows.itertuples()):
            mixture = without[row.fold] if row.split == "train" else whole
            total = sum(
                weight * kind[place]
                for weight, kind in zip(mixture.weights, scored.evidence, strict=True)
            )
            expected = normalise_log(total[None])[0]
            np.testing.assert_allclose(predictions.log_probabilities[place], expected, atol=1e-4)
        assert overall.weights == pytest.approx(whole.weights, rel=1e-4)

    def test_a_folds_labels_do_not_reach_its_own_rows(self, scored, tables, relabelled):
        folds = tables.folds
        others = relabelled(tables, folds.loc[folds["fold"] == 0, "photo_id"])
        rows = changed_rows(scored, tables, others)
        train = rows["split"] == "train"
        assert not rows.loc[train & (rows["fold"] == 0), "changed"].any()
        assert rows.loc[train & (rows["fold"] != 0), "changed"].all()
        assert rows.loc[~train, "changed"].all()

    def test_labels_of_the_slice_do_not_reach_any_row(self, scored, tables, relabelled):
        folds = tables.folds
        others = relabelled(tables, folds.loc[folds["fold"] == -1, "photo_id"])
        assert not changed_rows(scored, tables, others)["changed"].any()

    def test_a_label_that_does_not_count_does_not_reach_any_row(self, scored, tables, relabelled):
        folds = tables.folds
        doubted = folds.loc[~folds["label_counts"], "photo_id"]
        assert len(doubted) == 1
        assert not changed_rows(scored, tables, relabelled(tables, doubted))["changed"].any()

    def test_a_single_fold_is_halved(self, tables, relabelled):
        scored = scores_of(tables, 1)
        own = scored.take(scored.out_of_fold).rows
        groups = tables.folds.set_index("photo_id").loc[own["photo_id"], "group"]
        parts = cross_fitting_parts(own["fold"].to_numpy(), groups.to_numpy())
        assert set(parts) == {0, 1}
        others = relabelled(tables, own.loc[parts == 0, "photo_id"])
        rows = changed_rows(scored, tables, others)
        changed = rows.loc[rows["split"] == "train", "changed"].to_numpy()
        assert not changed[parts == 0].any()
        assert changed[parts == 1].all()

    def test_the_order_of_the_folds_does_not_matter(self, tables):
        parts = [scores_of(tables, fold) for fold in range(3)]
        forward, _ = calibrated_predictions(join_scored(parts), tables)
        backward, _ = calibrated_predictions(join_scored(parts[::-1]), tables)
        expected = values_by_photo(forward)
        for key, values in values_by_photo(backward).items():
            np.testing.assert_allclose(values, expected[key], atol=1e-4)

    def test_rows_exist_for_finished_folds_only(self, tables):
        scored = join_scored([scores_of(tables, fold) for fold in (0, 2)])
        predictions, _ = calibrated_predictions(scored, tables)
        assert set(predictions.rows["fold"]) == {0, 2}


def test_what_is_fitted_sees_the_labels_of_other_folds_that_count(scored, tables):
    own = scored.take(scored.out_of_fold).rows
    seen = []

    def fit(used, labels):
        seen.append((set(own["photo_id"][used]), labels.tolist()))
        assert tables.labels_of(own["photo_id"][used]).tolist() == labels.tolist()
        return len(seen)

    cross_fit_rows(fit, own, tables)
    counted = own[own["label_counts"]]
    expected = [set(counted.loc[counted["fold"] != fold, "photo_id"]) for fold in range(3)]
    assert [names for names, _ in seen] == [*expected, set(counted["photo_id"])]


def test_the_two_finished_trainings_that_were_used_last_stay_and_what_is_not_finished(tmp_path):
    for number, key in enumerate(("oldest", "older", "latest")):
        for fold in ("fold_0", "fold_1"):
            (tmp_path / key / fold).mkdir(parents=True)
            (tmp_path / key / fold / HISTORY_FILE).touch()
        os.utime(tmp_path / key, (number, number))
    (tmp_path / "interrupted" / "fold_0").mkdir(parents=True)
    (tmp_path / "predict").mkdir()
    forget_trainings(tmp_path, "oldest")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"oldest", "latest", "interrupted", "predict"}
