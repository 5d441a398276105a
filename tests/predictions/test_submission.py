from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.contract import Predictions, pool_fold_models
from chajong.predictions.submission import (
    SubmissionError,
    build_submission,
    read_submission,
    submission_csv,
    top_k_table,
    validate_submission,
    write_submission,
)

MakeMember = Callable[[int], Predictions]
PRIOR = np.array([0.5, 0.3, 0.2])


@pytest.fixture
def pooled(make_member: MakeMember) -> Predictions:
    return pool_fold_models(make_member(0), "test")


@pytest.fixture
def effective_class_of(classes: pd.DataFrame) -> dict[str, str]:
    return dict(zip(classes["name"], classes["effective_class"], strict=True))


@pytest.fixture
def columns(classes: pd.DataFrame) -> list[str]:
    return sorted(classes["name"], reverse=True)


@pytest.fixture
def submission(
    pooled: Predictions,
    effective_class_of: dict[str, str],
    columns: list[str],
    test_ids: list[str],
) -> pd.DataFrame:
    return build_submission(pooled, effective_class_of, columns, test_ids, PRIOR)


class TestBuild:
    def test_columns_and_ids_are_those_asked_for(
        self, submission: pd.DataFrame, columns: list[str], test_ids: list[str]
    ):
        assert list(submission.columns) == ["ID", *columns]
        assert list(submission["ID"]) == test_ids

    def test_each_value_is_its_effective_class_over_the_row_sum(
        self, submission: pd.DataFrame, pooled: Predictions, effective_class_of: dict[str, str]
    ):
        for row, values in enumerate(np.exp(pooled.log_probabilities.astype(float))):
            of_class = dict(zip(pooled.class_names, values, strict=True))
            mass = sum(of_class[effective] for effective in effective_class_of.values())
            for name, effective in effective_class_of.items():
                assert submission.loc[row, name] == pytest.approx(of_class[effective] / mass)

    def test_rows_sum_to_one(self, submission: pd.DataFrame, columns: list[str]):
        np.testing.assert_allclose(submission[columns].sum(axis=1), 1, rtol=1e-12)

    def test_ids_in_another_order_keep_their_rows(
        self,
        submission: pd.DataFrame,
        pooled: Predictions,
        effective_class_of: dict[str, str],
        columns: list[str],
        test_ids: list[str],
    ):
        turned = build_submission(pooled, effective_class_of, columns, test_ids[::-1], PRIOR)
        pd.testing.assert_frame_equal(
            turned.sort_values("ID", ignore_index=True), submission, check_exact=True
        )

    def test_photo_without_prediction_gets_the_prior_and_shifts_nothing(
        self,
        submission: pd.DataFrame,
        pooled: Predictions,
        effective_class_of: dict[str, str],
        columns: list[str],
        test_ids: list[str],
    ):
        ids = [test_ids[0], "TEST_unreadable", *test_ids[1:]]
        longer = build_submission(pooled, effective_class_of, columns, ids, PRIOR)
        pd.testing.assert_frame_equal(longer.drop(index=1).reset_index(drop=True), submission)
        expected = {"라브4_4세대_2013_2018": 0.5, "RAV4_2016_2018": 0.5, "쏘나타_2019_2023": 0.3}
        for name, value in expected.items():
            assert longer.loc[1, name] == pytest.approx(value / 1.5)

    def test_nfd_columns_keep_their_spelling(
        self, pooled: Predictions, effective_class_of: dict[str, str], test_ids: list[str]
    ):
        import unicodedata

        decomposed = [unicodedata.normalize("NFD", name) for name in effective_class_of]
        built = build_submission(pooled, effective_class_of, decomposed, test_ids, PRIOR)
        assert list(built.columns) == ["ID", *decomposed]

    def test_unknown_class_column(
        self, pooled: Predictions, effective_class_of: dict[str, str], test_ids: list[str]
    ):
        with pytest.raises(SubmissionError, match="no known class, the first is '없는_차_2020'"):
            build_submission(pooled, effective_class_of, ["없는_차_2020"], test_ids, PRIOR)

    def test_prediction_that_no_id_asks_for(
        self, pooled: Predictions, effective_class_of: dict[str, str], columns: list[str]
    ):
        with pytest.raises(SubmissionError, match=r"not in the sample submission.*TEST_00001"):
            build_submission(pooled, effective_class_of, columns, ["TEST_00000"], PRIOR)

    def test_no_test_photos(
        self, pooled: Predictions, effective_class_of: dict[str, str], columns: list[str]
    ):
        nothing = pooled.take(np.zeros(3, bool))
        built = build_submission(nothing, effective_class_of, columns, [], PRIOR)
        assert list(built.columns) == ["ID", *columns]
        assert built.empty
        assert top_k_table(nothing).empty

    def test_fold_models_must_be_pooled(
        self,
        make_member: MakeMember,
        effective_class_of: dict[str, str],
        columns: list[str],
        test_ids: list[str],
    ):
        with pytest.raises(SubmissionError, match="pool the fold models"):
            build_submission(make_member(0), effective_class_of, columns, test_ids, PRIOR)


class TestValidate:
    def refused(
        self, submission: pd.DataFrame, message: str, test_ids: list[str], columns: list[str]
    ) -> None:
        with pytest.raises(SubmissionError, match=message):
            validate_submission(submission, test_ids, columns)

    def test_good_submission_passes(
        self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]
    ):
        validate_submission(submission, test_ids, columns)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (np.nan, "NaN"),
            (1.5, r"outside \[0, 1\] \(1.5\) for 'TEST_00001', class '쏘나타_2019_2023'"),
            (-1e-9, r"outside \[0, 1\]"),
            (np.inf, r"outside \[0, 1\]"),
        ],
    )
    def test_bad_value(
        self,
        submission: pd.DataFrame,
        test_ids: list[str],
        columns: list[str],
        value: float,
        message: str,
    ):
        submission.loc[1, "쏘나타_2019_2023"] = value
        self.refused(submission, message, test_ids, columns)

    def test_text(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        changed = submission.assign(쏘나타_2019_2023="0.5")
        self.refused(changed, "holds text", test_ids, columns)

    def test_zero_column(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        changed = submission.assign(RAV4_2016_2018=0.0)
        self.refused(changed, "column 'RAV4_2016_2018' is zero", test_ids, columns)

    def test_zero_row(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        submission.loc[2, columns] = 0.0
        self.refused(submission, "row 'TEST_00002' is zero", test_ids, columns)

    def test_row_count(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        self.refused(submission.iloc[:2], "2 rows and the sample submission 3", test_ids, columns)

    def test_duplicated_id(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        submission["ID"] = [test_ids[0], test_ids[0], test_ids[2]]
        self.refused(submission, "'TEST_00000' occurs twice", test_ids, columns)

    def test_unknown_id(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        submission["ID"] = [*test_ids[:2], "TEST_99999"]
        self.refused(submission, "the first is 'TEST_99999'", test_ids, columns)

    def test_id_order(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        self.refused(submission.iloc[::-1], "not in the order", test_ids, columns)

    def test_missing_column(
        self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]
    ):
        changed = submission.drop(columns="RAV4_2016_2018")
        self.refused(changed, "lacks 1 columns, the first is 'RAV4", test_ids, columns)

    def test_additional_column(
        self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]
    ):
        self.refused(submission.assign(label="x"), "the first is 'label'", test_ids, columns)

    def test_column_order(self, submission: pd.DataFrame, test_ids: list[str], columns: list[str]):
        changed = submission[["ID", *columns[::-1]]]
        self.refused(changed, "columns are not in the order", test_ids, columns)


class TestCsv:
    def test_starts_with_a_byte_order_mark(self, submission: pd.DataFrame):
        assert submission_csv(submission).startswith("\ufeffID,".encode())

    def test_reads_back_every_digit(self, submission: pd.DataFrame, tmp_path: Path):
        submission.iloc[0, 1:] = [1e-15, 1 / 3, 0.1 + 0.2, 5e-324]
        write_submission(submission, tmp_path / "제출.csv")
        again = read_submission(tmp_path / "제출.csv")
        pd.testing.assert_frame_equal(again, submission, check_exact=True)

    def test_ids_stay_text(self, submission: pd.DataFrame, tmp_path: Path):
        ids = ["00012", "1e5", "0x1"]
        write_submission(submission.assign(ID=ids), tmp_path / "s.csv")
        assert list(read_submission(tmp_path / "s.csv")["ID"]) == ids

    def test_failed_write_leaves_the_old_file(
        self, submission: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        path = tmp_path / "s.csv"
        path.write_text("old")

        def fill_the_disk(self: Path, data: bytes) -> int:
            self.write_text("half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", fill_the_disk)
        with pytest.raises(OSError, match="is full"):
            write_submission(submission, path)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestTopK:
    def test_lists_the_most_probable_first(self, pooled: Predictions, test_ids: list[str]):
        table = top_k_table(pooled, k=2)
        assert list(table["photo_id"]) == [photo for photo in test_ids for _ in range(2)]
        assert list(table["rank"]) == [1, 2] * 3
        for (_, photo), values in zip(
            table.groupby("photo_id"), np.exp(pooled.log_probabilities), strict=True
        ):
            best = sorted(zip(values, pooled.class_names, strict=True), reverse=True)[:2]
            assert list(photo["name"]) == [name for _, name in best]
            np.testing.assert_allclose(photo["probability"], [value for value, _ in best], 1e-6)

    def test_more_ranks_than_classes(self, pooled: Predictions):
        assert top_k_table(pooled, k=5)["rank"].max() == 3
