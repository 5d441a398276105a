from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

from chajong.photos.review import ReviewError, apply_review, read_review, trusted_labels

FILE = "photo_review.csv"
NAMES = ("K5_2020", "쏘나타_2019", "쏘나타_2021")


@pytest.fixture
def photos() -> pd.DataFrame:
    rows = [
        ("train/K5_2020/앞.jpg", "train", "K5_2020"),
        ("train/K5_2020/뒤.jpg", "train", "K5_2020"),
        ("train/쏘나타_2019/1.jpg", "train", "쏘나타_2019"),
        ("TEST_0", "test", None),
    ]
    return pd.DataFrame(rows, columns=["photo_id", "split", "class_name"])


FRONT, BACK, SONATA = "train/K5_2020/앞.jpg", "train/K5_2020/뒤.jpg", "train/쏘나타_2019/1.jpg"


def table(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["photo_id", "verdict", "new_label"])


def decisions(photos: pd.DataFrame, *rows: tuple[str, str, str]) -> list[list[str]]:
    return read_review(table(*rows), photos, NAMES, FILE).to_numpy().tolist()


def test_verdicts_are_read_in_any_case_with_spaces_around(photos):
    rows = [(f" {FRONT} ", " Not a CAR", " "), (SONATA, "RELABEL ", " K5_2020 ")]
    assert decisions(photos, *rows) == [[FRONT, "not a car", ""], [SONATA, "relabel", "K5_2020"]]


def test_names_that_were_made_harmless_for_spreadsheets_are_read_back():
    photo = "=1+1/앞.jpg"
    listed = pd.DataFrame({"photo_id": [photo], "split": "train", "class_name": "+K5"})
    read = read_review(table((f"'{photo}", "relabel", "'+K5")), listed, ("+K5",), FILE)
    assert read.to_numpy().tolist() == [[photo, "relabel", "+K5"]]


def test_names_are_read_in_decomposed_form(photos):
    row = [normalize("NFD", text) for text in (FRONT, "relabel", "쏘나타_2021")]
    assert decisions(photos, tuple(row)) == [[FRONT, "relabel", "쏘나타_2021"]]


def test_rows_without_a_verdict_are_not_looked_at(photos):
    rows = [("no such photo", " ", "no such class"), ("", "", ""), (FRONT, "keep", "")]
    assert decisions(photos, *rows) == [[FRONT, "keep", ""]]


def test_other_columns_and_identical_repeats_do_no_harm(photos):
    review = table((FRONT, "drop", ""), (FRONT, "Drop ", "")).assign(score=["0.9", "0.9"])
    found = read_review(review, photos, NAMES, FILE)
    assert found.to_dict("records") == [{"photo_id": FRONT, "verdict": "drop", "new_label": ""}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("train/K5_2020/압.jpg", "keep", ""),
            f"there is no photo 'train/K5_2020/압.jpg'. Did you mean '{FRONT}' or ",
        ),
        (("train/\ufffd.jpg", "keep", ""), "'train/\ufffd.jpg' is not in UTF-8: save the file as"),
        (("TEST_0", "keep", ""), "'TEST_0' is a test photo, which has no label to review: remove"),
        ((FRONT, "kepp", ""), "'kepp' is no verdict: use one of 'keep', 'drop', 'relabel', 'not a"),
        ((FRONT, "relabel", " "), "the verdict 'relabel' has no new_label: write the right class"),
        (
            (FRONT, "relabel", "소나타_2019"),
            "'소나타_2019' is no class. Did you mean '쏘나타_2019' or '쏘나타_2021'?",
        ),
        ((FRONT, "drop", "K5_2020"), "the verdict 'drop' has the new label 'K5_2020': remove it"),
        (
            (BACK, "relabel", "쏘나타_2019"),
            f"the photo '{BACK}' is 'relabel' as '쏘나타_2019' here and 'drop' in an earlier row",
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_fix(photos, row, message):
    with pytest.raises(ReviewError) as error:
        decisions(photos, (BACK, "drop", ""), row)
    assert str(error.value).startswith(f"{FILE}, row 3: {message}")


def test_nothing_near_is_not_suggested(photos):
    with pytest.raises(ReviewError) as error:
        decisions(photos, ("0123456789", "keep", ""))
    assert "Did you mean" not in str(error.value)


@pytest.mark.parametrize("column", ["photo_id", "verdict", "new_label"])
def test_a_missing_column_is_named(photos, column):
    with pytest.raises(ReviewError, match=rf"^{FILE} has no column '{column}', only .*: add it"):
        read_review(table().drop(columns=column), photos, NAMES, FILE)


def test_verdicts_and_new_labels_are_written_into_the_table(photos):
    rows = [(SONATA, "relabel", "K5_2020"), (BACK, "not a car", "")]
    reviewed = apply_review(photos, read_review(table(*rows), photos, NAMES, FILE))
    assert reviewed["verdict"].tolist() == ["", "not a car", "relabel", ""]
    assert reviewed["class_name"].tolist()[:3] == ["K5_2020"] * 3
    assert pd.isna(reviewed["class_name"][3])
    assert reviewed.columns.tolist() == [*photos.columns, "verdict"]


def test_without_a_review_only_the_empty_column_is_added(photos):
    reviewed = apply_review(photos, read_review(table(), photos, NAMES, FILE))
    assert reviewed.dtypes["verdict"] == "str"
    pd.testing.assert_frame_equal(reviewed.drop(columns="verdict"), photos)
    assert (reviewed["verdict"] == "").all()


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("verdict", "counts"),
    [("keep", True), ("drop", False), ("not a car", False), ("relabel", None), ("", None)],
)
def test_a_verdict_decides_whether_a_label_counts(verdict, counts, trusted):
    found = trusted_labels(pd.Series([verdict], dtype="str"), np.array([trusted]))
    assert found.tolist() == [trusted if counts is None else counts]
