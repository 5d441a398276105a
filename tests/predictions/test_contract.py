from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from photo_table import photo_table

from chajong.predictions import contract as module
from chajong.predictions.contract import (
    POOLED_FOLD,
    Predictions,
    contract_hash,
    effective_class_names,
    pool_fold_models,
    read_predictions,
    train_rows,
    training_contract,
    write_predictions,
)

MakeMember = Callable[[int], Predictions]


def one_row(**changes: object) -> Predictions:
    row = {"photo_id": "a", "split": "test", "fold": 0, "label_counts": False} | changes
    values = np.log(np.array([[0.25, 0.75]], np.float32))
    return Predictions(pd.DataFrame([row]), values, ("x", "y"), "hash")


class TestValidation:
    def test_unknown_split(self):
        with pytest.raises(ValueError, match="Unknown split 'valid'"):
            one_row(split="valid")

    def test_fold_that_is_no_integer(self):
        with pytest.raises(ValueError, match="`fold` must be an integer"):
            one_row(fold=0.5)

    def test_flag_that_is_no_bool(self):
        with pytest.raises(ValueError, match="`label_counts` must be a bool"):
            one_row(label_counts=1)

    def test_missing_row_column(self):
        good = one_row()
        with pytest.raises(ValueError, match="need the columns"):
            replace(good, rows=good.rows.drop(columns="fold"))

    def test_two_rows_of_one_fold(self, make_member: MakeMember):
        with pytest.raises(ValueError, match="more than one"):
            make_member(0).take(np.array([0, 0]))

    def test_two_folds_of_one_train_photo(self, make_member: MakeMember):
        member = make_member(0).take(np.array([0, 1]))
        with pytest.raises(ValueError, match="more than one train row for one photo_id"):
            replace(member, rows=member.rows.assign(photo_id="same"))

    def test_row_that_does_not_sum_to_one(self):
        good = one_row()
        with pytest.raises(ValueError, match=r"'a' differ from a sum of 1 by 0\.1"):
            replace(good, log_probabilities=good.log_probabilities + np.float32(np.log(1.1)))

    def test_log_of_zero(self):
        values = np.array([[0.0, -np.inf]], np.float32)
        with pytest.raises(ValueError, match="'a' are not all finite"):
            replace(one_row(), log_probabilities=values)

    def test_shape(self):
        with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
            replace(one_row(), log_probabilities=np.zeros((1, 1), np.float32))

    def test_double_precision(self):
        good = one_row()
        with pytest.raises(ValueError, match="must be float32"):
            replace(good, log_probabilities=good.log_probabilities.astype(np.float64))

    def test_class_named_like_a_row_column(self):
        with pytest.raises(ValueError, match="cannot be named 'fold'"):
            replace(one_row(), class_names=("x", "fold"))

    def test_repeated_class(self):
        with pytest.raises(ValueError, match="differ from one another"):
            replace(one_row(), class_names=("x", "x"))


class TestFrame:
    def test_round_trip(self, make_member: MakeMember):
        member = make_member(1)
        again = Predictions.from_frame(member.to_frame(), member.contract)
        pd.testing.assert_frame_equal(again.rows, member.rows)
        np.testing.assert_array_equal(again.log_probabilities, member.log_probabilities)
        assert (again.class_names, again.contract) == (member.class_names, member.contract)

    def test_one_float32_column_per_class_after_the_rows(self, make_member: MakeMember):
        frame = make_member(1).to_frame()
        assert list(frame.columns[:4]) == ["photo_id", "split", "fold", "label_counts"]
        assert set(frame.dtypes.iloc[4:]) == {np.dtype(np.float32)}

    def test_row_index_does_not_shift_values(self, make_member: MakeMember):
        member = make_member(1)
        shifted = replace(member, rows=member.rows.set_axis(range(7, 7 + len(member.rows))))
        pd.testing.assert_frame_equal(shifted.to_frame(), member.to_frame())

    def test_missing_column(self, make_member: MakeMember):
        frame = make_member(1).to_frame().drop(columns="split")
        with pytest.raises(ValueError, match=r"lack the columns \['split'\]"):
            Predictions.from_frame(frame, "hash")


class TestContractHash:
    @given(order=st.permutations(range(8)))
    def test_row_order_does_not_count(self, order: list[int]):
        classes = pd.DataFrame({"name": ["b", "a"], "effective_class": ["b", "a"]})
        folds = pd.DataFrame(
            {
                "photo_id": list("abcdefgh"),
                "fold": [0, 1] * 4,
                "label_counts": True,
                "group": 0,
                "encoder": "",
            }
        )
        photos = photo_table(list("abcdefgh"), ["a", "b"] * 4)
        shuffled = contract_hash(classes, folds.iloc[order], photos.iloc[order[::-1]])
        assert shuffled == contract_hash(classes, folds, photos)

    def test_class_order_counts(self, classes, folds, photos):
        turned = contract_hash(classes.iloc[::-1], folds, photos)
        assert turned != contract_hash(classes, folds, photos)

    @pytest.mark.parametrize(
        ("column", "value"),
        [("fold", 1), ("label_counts", False), ("group", 9), ("encoder", "another")],
    )
    def test_every_fold_column_counts(self, classes, folds, photos, column: str, value: object):
        changed = folds.copy()
        changed.loc[0, column] = value
        assert contract_hash(classes, changed, photos) != contract_hash(classes, folds, photos)

    def test_the_photos_count(self, classes, folds, photos):
        fewer = folds.drop(index=0)
        assert contract_hash(classes, fewer, photos) != contract_hash(classes, folds, photos)

    def test_a_photo_under_another_label_counts(self, classes, folds, photos):
        relabelled = photos.copy()
        relabelled.iloc[0, relabelled.columns.get_loc("class_name")] = classes["name"].iloc[1]
        assert contract_hash(classes, folds, relabelled) != contract_hash(classes, folds, photos)

    @pytest.mark.parametrize("place", range(11))
    def test_what_any_photo_shows_counts(self, classes, folds, photos, place: int):
        shown = photos.copy()
        shown.loc[place, "sha256"] = "f" * 64
        assert contract_hash(classes, folds, shown) != contract_hash(classes, folds, photos)
        same = training_contract(classes, folds, shown) == training_contract(classes, folds, photos)
        assert same == (photos.loc[place, "split"] == "test")

    def test_exchanged_test_photos_count(self, classes, folds, photos):
        exchanged = photos.copy()
        exchanged.loc[[8, 9], "sha256"] = exchanged.loc[[9, 8], "sha256"].to_numpy()
        assert contract_hash(classes, folds, exchanged) != contract_hash(classes, folds, photos)

    def test_a_test_photo_that_can_no_longer_be_read_counts(self, classes, folds, photos):
        unread = photos.copy()
        unread.loc[9, "status"] = "unreadable"
        assert contract_hash(classes, folds, unread) != contract_hash(classes, folds, photos)

    def test_the_order_of_photos_does_not_count(self, classes, folds, photos):
        turned = photos[::-1]
        assert contract_hash(classes, folds, turned) == contract_hash(classes, folds, photos)

    def test_another_name_of_the_same_car_does_not_count(self, classes, folds, photos):
        renamed = photos.copy()
        renamed.iloc[0, renamed.columns.get_loc("class_name")] = classes["name"].iloc[2]
        assert contract_hash(classes, folds, renamed) == contract_hash(classes, folds, photos)

    def test_aliases_are_one_class(self, classes: pd.DataFrame):
        names = list(classes["name"])
        assert effective_class_names(classes) == (names[0], names[1], names[3])


class TestParquet:
    def test_round_trip(self, make_member: MakeMember, tmp_path: Path):
        member = make_member(2)
        write_predictions(member, tmp_path / "멤버.parquet")
        again = read_predictions(tmp_path / "멤버.parquet")
        pd.testing.assert_frame_equal(again.to_frame(), member.to_frame())
        assert again.contract == member.contract

    def test_folder_named_like_a_partition_adds_no_column(
        self, make_member: MakeMember, tmp_path: Path
    ):
        folder = tmp_path / "fold=3"
        folder.mkdir()
        write_predictions(make_member(2), folder / "p.parquet")
        assert read_predictions(folder / "p.parquet").class_names == make_member(2).class_names

    def test_failed_write_leaves_the_old_file(
        self, make_member: MakeMember, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        import pyarrow.parquet as pq

        path = tmp_path / "p.parquet"
        write_predictions(make_member(1), path)
        before = path.read_bytes()

        def fill_the_disk(table: object, where: Path, **_: object) -> None:
            where.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pq, "write_table", fill_the_disk)
        with pytest.raises(OSError, match="is full"):
            write_predictions(make_member(2), path)
        assert path.read_bytes() == before
        assert sorted(file.name for file in tmp_path.iterdir()) == [".p.parquet.hash", "p.parquet"]

    def test_foreign_parquet_file(self, tmp_path: Path):
        path = tmp_path / "p.parquet"
        one_row().to_frame().to_parquet(path)
        with pytest.raises(ValueError, match=r"p\.parquet holds predictions of version none"):
            read_predictions(path)

    def test_other_version(
        self, make_member: MakeMember, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        path = tmp_path / "p.parquet"
        write_predictions(make_member(1), path)
        monkeypatch.setattr(module, "FORMAT_VERSION", "2")
        with pytest.raises(ValueError, match="of version 1, not 2"):
            read_predictions(path)


class TestRows:
    def test_train_rows_are_one_per_train_photo(self, make_member: MakeMember, folds: pd.DataFrame):
        rows = train_rows(make_member(0)).rows
        wanted = folds[folds["fold"] >= 0]
        assert list(rows["photo_id"]) == list(wanted["photo_id"])
        assert list(rows["fold"]) == list(wanted["fold"])


class TestPoolFoldModels:
    @pytest.mark.parametrize("split", ["calibration", "test"])
    def test_equals_the_obvious_mean(self, make_member: MakeMember, split: module.Split):
        member = make_member(3)
        # Rows in any order must end at their own photo.
        shuffled = member.take(np.random.default_rng(0).permutation(len(member.rows)))
        pooled = pool_fold_models(shuffled, split)
        for row, photo in enumerate(pooled.rows["photo_id"]):
            mask = (member.rows["photo_id"] == photo).to_numpy()
            product = np.prod(np.exp(member.log_probabilities[mask]), axis=0) ** (1 / mask.sum())
            np.testing.assert_allclose(
                np.exp(pooled.log_probabilities[row]), product / product.sum(), rtol=1e-5
            )

    def test_one_row_per_photo_marked_as_pooled(self, make_member: MakeMember, test_ids: list[str]):
        rows = pool_fold_models(make_member(3), "test").rows
        assert list(rows["photo_id"]) == test_ids
        assert set(rows["fold"]) == {POOLED_FOLD}

    def test_no_photo(self, make_member: MakeMember):
        member = train_rows(make_member(3))
        assert pool_fold_models(member, "test").log_probabilities.shape == (0, 3)
