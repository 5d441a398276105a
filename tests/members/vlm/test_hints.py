from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chajong.members.vlm.hints import HintError, check_hints
from chajong.names.table import class_table
from chajong.predictions.contract import Predictions, normalise_log

FOLDS = 3


@pytest.fixture(scope="module")
def tables(make_tables, tmp_path_factory):
    """240 photos in folds and 60 in the slice."""
    folder = tmp_path_factory.mktemp("photos")
    return make_tables(folder, count=300, fold_count=FOLDS, in_slice=60)


def member(tables, train=0.6, calibration=0.6, seed=0):
    """Fold models that name these shares of the photos rightly; its rows are in no order."""
    generator = np.random.default_rng(seed)
    rows = pd.concat([tables.rows_of_fold(fold) for fold in range(FOLDS)])
    rows = rows.sample(frac=1, random_state=seed).reset_index(drop=True)
    classes = len(tables.class_names)
    values = generator.random((len(rows), classes))
    labelled = np.flatnonzero(rows["split"] != "test")
    right = generator.random(len(labelled)) < np.where(
        rows["split"].iloc[labelled] == "train", train, calibration
    )
    named = tables.labels_of(rows["photo_id"].iloc[labelled])
    named = np.where(right, named, (named + generator.integers(1, classes, len(named))) % classes)
    values[labelled, named] += 2
    return Predictions(rows, normalise_log(values), tables.class_names, tables.contract)


def refused(predictions, tables):
    with pytest.raises(HintError) as caught:
        check_hints("hog", predictions, tables)
    return str(caught.value)


def by_photo_and_fold(predictions):
    keys = zip(predictions.rows["photo_id"], predictions.rows["fold"], strict=True)
    return dict(zip(keys, predictions.log_probabilities, strict=True))


class TestHints:
    def test_every_row_is_told_what_the_same_folds_model_said(self, tables):
        predictions = member(tables)
        hints = check_hints("hog", predictions, tables)
        said = by_photo_and_fold(predictions)
        for fold in range(FOLDS):
            rows = tables.rows_of_fold(fold).sample(frac=1, random_state=fold)
            expected = [said[photo_id, fold] for photo_id in rows["photo_id"]]
            assert np.array_equal(hints.of_rows(rows), expected)

    def test_training_is_told_what_was_said_out_of_fold(self, tables):
        predictions = member(tables)
        given = check_hints("hog", predictions, tables).of_train_photos()
        said = by_photo_and_fold(predictions)
        in_fold = tables.folds[tables.folds["fold"] >= 0]
        assert set(given) == set(in_fold["photo_id"])
        for photo in in_fold.itertuples():
            assert np.array_equal(given[photo.photo_id], said[photo.photo_id, photo.fold])

    def test_any_photo_can_be_looked_up(self, tables):
        predictions = member(tables)
        hints = check_hints("hog", predictions, tables)
        photo_ids = ["TEST_1", tables.folds["photo_id"].iloc[-1], tables.folds["photo_id"][0]]
        said = by_photo_and_fold(predictions)
        for photo_id, given in zip(photo_ids, hints.of_photos(photo_ids), strict=True):
            models = [value for (photo, _), value in said.items() if photo == photo_id]
            assert any(np.array_equal(given, value) for value in models)


class TestIncomplete:
    def test_how_to_run_a_member_without_predictions_is_told(self, tables):
        message = refused(None, tables)
        assert "'hog', which has not run yet" in message
        assert "`kedro run --namespaces hog`" in message

    @pytest.mark.parametrize("split", ["train", "calibration", "test"])
    def test_a_photo_that_was_left_out_is_named(self, tables, split):
        predictions = member(tables)
        place = np.flatnonzero(predictions.rows["split"] == split)[0]
        lacking = predictions.rows.iloc[place]
        message = refused(predictions.take(np.arange(len(predictions.rows)) != place), tables)
        assert f"such as {lacking['photo_id']!r} of fold {lacking['fold']}" in message
        assert "Hints need every photo" in message

    def test_a_fold_that_was_not_trained_is_missed(self, tables):
        predictions = member(tables)
        trained = (predictions.rows["fold"] != 1).to_numpy()
        assert "of fold 1. Hints need every photo" in refused(predictions.take(trained), tables)

    def test_other_classes_are_refused(self, tables):
        names = [*tables.class_names, "레이_2021_2024"]
        more = replace(tables, classes=class_table(dict(zip(names, names, strict=True))))
        assert "it was made with other photos, classes, folds or labels" in refused(
            member(tables), more
        )

    def test_other_folds_are_refused_and_are_no_leak(self, tables):
        others = tables.folds.assign(fold=np.roll(tables.folds["fold"], 1))
        message = refused(member(tables), replace(tables, folds=others))
        assert "it was made with other photos, classes, folds or labels" in message


class TestLeak:
    @pytest.mark.parametrize("seed", range(20))
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
    def test_a_member_that_is_as_good_on_both_is_no_leak(self, tables, share, seed):
        check_hints("hog", member(tables, share, share, seed), tables)

    @pytest.mark.parametrize("seed", range(5))
    def test_a_member_that_is_worse_on_train_photos_is_no_leak(self, tables, seed):
        check_hints("hog", member(tables, 0.6, 1.0, seed), tables)

    @pytest.mark.parametrize("seed", range(5))
    def test_values_that_know_the_labels_are_refused(self, tables, seed):
        message = refused(member(tables, 1.0, 0.6, seed), tables)
        assert "names 100.0% of the train photos rightly" in message
        assert "make them out of fold" in message

    def test_a_row_that_another_folds_model_made_is_refused(self, tables):
        predictions = member(tables)
        place = np.flatnonzero(predictions.rows["split"] == "train")[7]
        rows = predictions.rows.copy()
        rows.loc[place, "fold"] = (rows.loc[place, "fold"] + 1) % FOLDS
        message = refused(replace(predictions, rows=rows), tables)
        assert f"its row of {rows.loc[place, 'photo_id']!r}" in message
        assert f"made by the model of fold {rows.loc[place, 'fold']}" in message
        assert "(1 such rows)" in message

    def test_labels_that_do_not_count_are_no_evidence(self, tables):
        """Here every label that is known by heart belongs to a photo that does not count."""
        predictions = member(tables, 1.0, 0.6)
        in_slice = tables.folds["fold"] < 0
        known = set(tables.folds["photo_id"][~in_slice][:-5])
        rows = predictions.rows.assign(label_counts=~predictions.rows["photo_id"].isin(known))
        check_hints("hog", replace(predictions, rows=rows), tables)

    def test_without_a_slice_there_is_nothing_to_compare_with(self, make_tables, tmp_path):
        tables = make_tables(tmp_path, fold_count=FOLDS, in_slice=0)
        check_hints("hog", member(tables, 1.0), tables)
