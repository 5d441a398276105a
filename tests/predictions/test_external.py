import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.contract import Predictions, pool_fold_models, split_rows, train_rows
from chajong.predictions.external import ExternalMemberError, read_external_member

FIRST, SECOND = "라브4_4세대_2013_2018", "RAV4_2016_2018"
Read = Callable[[pd.DataFrame], Predictions]


@pytest.fixture
def read(classes: pd.DataFrame, folds: pd.DataFrame, photos: pd.DataFrame) -> Read:
    return lambda frame: read_external_member(frame, classes, folds, photos, "팀원.csv")


@pytest.fixture
def effective_table(classes: pd.DataFrame, folds: pd.DataFrame, test_ids: list[str]):
    """One row a photo, probabilities of effective classes."""
    ids = [*folds["photo_id"], *test_ids]
    names = list(classes["effective_class"].drop_duplicates())
    values = np.random.default_rng(5).dirichlet(np.ones(3), size=len(ids))
    return pd.DataFrame(values, columns=names).assign(photo_id=ids)


@pytest.fixture
def submission_table(effective_table: pd.DataFrame) -> pd.DataFrame:
    """The same with one column per class name, both names of one car equal, rows divided."""
    doubled = effective_table.assign(**{SECOND: effective_table[FIRST]})
    names = [column for column in doubled if column != "photo_id"]
    doubled[names] = doubled[names].div(doubled[names].sum(axis=1), axis=0)
    return doubled.rename(columns={"photo_id": "ID"})


def values_of(predictions: Predictions) -> np.ndarray:
    return np.exp(predictions.log_probabilities)


class TestForms:
    def test_effective_class_columns(self, read: Read, effective_table: pd.DataFrame):
        member = read(effective_table)
        expected = effective_table[list(member.class_names)].to_numpy()[:6]
        np.testing.assert_allclose(values_of(train_rows(member)), expected, rtol=1e-5)

    def test_equal_alias_columns_are_taken_once(
        self, read: Read, submission_table: pd.DataFrame, effective_table: pd.DataFrame
    ):
        np.testing.assert_allclose(
            values_of(read(submission_table)), values_of(read(effective_table)), rtol=1e-5
        )

    def test_other_alias_columns_are_summed(self, read: Read, effective_table: pd.DataFrame):
        shared = effective_table.assign(
            **{FIRST: effective_table[FIRST] * 0.9, SECOND: effective_table[FIRST] * 0.1}
        )
        np.testing.assert_allclose(
            values_of(read(shared)), values_of(read(effective_table)), rtol=1e-5
        )

    def test_log_probabilities(self, read: Read, submission_table: pd.DataFrame):
        names = [column for column in submission_table if column != "ID"]
        logs = submission_table.assign(**np.log(submission_table[names]))
        np.testing.assert_allclose(
            values_of(read(logs)), values_of(read(submission_table)), rtol=1e-5
        )

    def test_probability_zero_is_raised_to_the_clip(
        self, read: Read, effective_table: pd.DataFrame
    ):
        effective_table.iloc[0, :3] = 0.0, 0.75, 0.25
        first = read(effective_table).log_probabilities[0]
        np.testing.assert_allclose(first, np.log([1e-15, 0.75, 0.25]), rtol=1e-6)

    def test_log_of_zero_is_raised_to_the_clip(self, read: Read, effective_table: pd.DataFrame):
        names = [column for column in effective_table if column != "photo_id"]
        effective_table.loc[0, names] = 0.0, 0.75, 0.25
        with np.errstate(divide="ignore"):
            logs = effective_table.assign(**np.log(effective_table[names]))
        assert np.isfinite(read(logs).log_probabilities).all()

    def test_rows_in_any_order_and_nfd(self, read: Read, effective_table: pd.DataFrame):
        turned = effective_table.sample(frac=1, random_state=0).rename(
            columns=lambda column: unicodedata.normalize("NFD", column)
        )
        turned["photo_id"] = turned["photo_id"].map(
            lambda photo: unicodedata.normalize("NFD", photo)
        )
        columns = ["photo_id", "split", "fold"]
        pd.testing.assert_frame_equal(
            read(turned).to_frame().sort_values(columns, ignore_index=True),
            read(effective_table).to_frame().sort_values(columns, ignore_index=True),
        )

    def test_our_own_predictions_come_back_unchanged(
        self, read: Read, make_member: Callable[[int], Predictions]
    ):
        member = make_member(4)
        again = read(member.to_frame())
        pd.testing.assert_frame_equal(again.rows, member.rows)
        np.testing.assert_allclose(again.log_probabilities, member.log_probabilities, atol=1e-6)
        assert again.contract == member.contract


class TestFolds:
    def test_train_rows_take_the_projects_folds(
        self, read: Read, effective_table: pd.DataFrame, folds: pd.DataFrame
    ):
        rows = train_rows(read(effective_table)).rows
        assert list(rows["fold"]) == [0, 1, 0, 1, 0, 1]
        assert list(rows["label_counts"]) == list(folds["label_counts"][:6])

    @pytest.mark.parametrize(("split", "count"), [("calibration", 2), ("test", 3)])
    def test_rows_without_fold_stand_for_every_model(
        self, read: Read, effective_table: pd.DataFrame, split: str, count: int
    ):
        member = read(effective_table)
        assert len(split_rows(member, split).rows) == 2 * count
        assert len(pool_fold_models(member, split).rows) == count

    def test_repeated_rows_pool_to_the_teammates_values(
        self, read: Read, effective_table: pd.DataFrame
    ):
        member = read(effective_table)
        expected = effective_table[list(member.class_names)].to_numpy()[-3:]
        np.testing.assert_allclose(values_of(pool_fold_models(member, "test")), expected, rtol=1e-5)

    def test_gaps_in_the_fold_column_stand_for_every_model(
        self, read: Read, effective_table: pd.DataFrame, folds: pd.DataFrame
    ):
        partly = effective_table.assign(fold=[*folds["fold"][:6], *[np.nan] * 5])
        pd.testing.assert_frame_equal(read(partly).to_frame(), read(effective_table).to_frame())

    def test_other_folds_for_train_rows(self, read: Read, effective_table: pd.DataFrame):
        with pytest.raises(ExternalMemberError, match=r"팀원.csv, row 2.*has fold 0, not 1"):
            read(effective_table.assign(fold=0))

    def test_unknown_fold_for_test_rows(
        self, read: Read, effective_table: pd.DataFrame, folds: pd.DataFrame
    ):
        table = effective_table.assign(fold=[*folds["fold"][:6], 0, 0, 0, 0, 7])
        with pytest.raises(ExternalMemberError, match=r"has fold 7, not one of \[0, 1\]"):
            read(table)

    def test_fold_that_is_text(self, read: Read, effective_table: pd.DataFrame):
        with pytest.raises(ExternalMemberError, match="'fold' holds text"):
            read(effective_table.assign(fold="fold 1"))

    def test_repeated_photo(self, read: Read, effective_table: pd.DataFrame):
        twice = pd.concat([effective_table, effective_table.iloc[[0]]])
        with pytest.raises(ExternalMemberError, match="several rows of photo 'train/"):
            read(twice)


class TestRefused:
    def refuse(self, read: Read, table: pd.DataFrame, message: str) -> None:
        with pytest.raises(ExternalMemberError, match=message):
            read(table)

    def test_submission_without_train_rows(self, read: Read, submission_table: pd.DataFrame):
        self.refuse(read, submission_table.iloc[-3:], "팀원.csv has test rows only.*out-of-fold")

    def test_missing_train_photo(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(
            read,
            effective_table.drop(index=[2, 7]),
            r"lacks 2 of 8 train photos, the first is 'train/쏘나타_2019_2023/2\.jpg'",
        )

    def test_unknown_photo(self, read: Read, effective_table: pd.DataFrame):
        effective_table.loc[0, "photo_id"] = "0.jpg"
        self.refuse(read, effective_table, "1 rows of unknown photos, the first is '0.jpg'")

    def test_no_id(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(read, effective_table.drop(columns="photo_id"), "no column `photo_id` or `ID`")

    def test_split_that_contradicts_the_photo(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(read, effective_table.assign(split="train"), "row 9: split 'train' contradicts")

    def test_missing_class(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(
            read,
            effective_table.drop(columns="아반떼_2020_2022"),
            r"lacks \['아반떼_2020_2022'\]",
        )

    def test_column_too_many(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(read, effective_table.assign(memo=1.0), r"has \['memo'\] too many")

    def test_text_among_the_values(self, read: Read, effective_table: pd.DataFrame):
        self.refuse(read, effective_table.assign(**{FIRST: "0.5"}), "holds text")

    def test_gap(self, read: Read, effective_table: pd.DataFrame):
        effective_table.loc[3, FIRST] = np.nan
        self.refuse(read, effective_table, "팀원.csv, row 4 has the value nan")

    def test_percentages(self, read: Read, effective_table: pd.DataFrame):
        effective_table.loc[3, FIRST] = 57.0
        self.refuse(read, effective_table, r"row 4 has the value 57.0: .*probabilities, at most 1")

    def test_rows_that_do_not_sum_to_one(self, read: Read, effective_table: pd.DataFrame):
        classes = [column for column in effective_table if column != "photo_id"]
        effective_table.loc[3, classes] *= 0.6
        self.refuse(read, effective_table, "row 4: the probabilities sum to 0.6, not to 1")

    def test_logits(self, read: Read, effective_table: pd.DataFrame):
        effective_table.loc[0, [FIRST, "아반떼_2020_2022"]] = -2.0, 3.0
        self.refuse(read, effective_table, "log-probabilities, at most 0")

    def test_row_of_zeros(self, read: Read, effective_table: pd.DataFrame):
        names = [column for column in effective_table if column != "photo_id"]
        effective_table.loc[1, names] = 0.0
        self.refuse(read, effective_table, "row 2 gives every class the probability zero")
