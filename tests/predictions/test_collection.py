from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.collection import collect_predictions
from chajong.predictions.external import ExternalMemberError


@pytest.fixture
def table(classes, folds, test_ids):
    ids = [*folds["photo_id"], *test_ids]
    names = list(classes["effective_class"].drop_duplicates())
    values = np.random.default_rng(0).dirichlet(np.ones(3), size=len(ids))
    return pd.DataFrame(values, columns=names).assign(photo_id=ids)


def test_own_members_and_tables_of_others_are_gathered(make_member, table, photos, classes, folds):
    ours = make_member(1)
    found = collect_predictions(
        {"hog": ours, "clip": None}, {"팀원.csv": table}, photos, classes, folds
    )
    assert list(found) == ["hog", "팀원"]
    assert found["hog"] is ours
    assert found["팀원"].contract == ours.contract


def test_a_table_that_is_wrong_is_named(table, photos, classes, folds):
    with pytest.raises(ExternalMemberError, match=r"팀원\.csv"):
        collect_predictions({}, {"팀원.csv": table.iloc[1:]}, photos, classes, folds)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            ["fusion.csv"],
            r"fusion\.csv has the name of this project's own 'fusion'\. Rename",
        ),
        (["Fusion.parquet"], r"Fusion\.parquet .* this project's own 'fusion'\. Rename"),
        (["ensemble.csv"], r"ensemble\.csv .* this project's own 'ensemble'"),
        (["a.csv", "a.parquet"], r"a\.parquet has the name of the table a\.csv"),
        (["a.csv", "A.csv"], r"A\.csv has the name of the table a\.csv"),
        (
            [normalize("NFC", "팀원.csv"), normalize("NFD", "팀원.csv")],
            "has the name of the table 팀원",
        ),
    ],
)
def test_a_name_that_is_taken_is_refused_with_both_and_the_fix(
    files, message, table, photos, classes, folds
):
    with pytest.raises(ExternalMemberError, match=message):
        collect_predictions({}, dict.fromkeys(files, table), photos, classes, folds)


def test_a_table_is_called_by_composed_letters(table, photos, classes, folds):
    """Some file systems give names in decomposed letters, which no setting would match."""
    found = collect_predictions({}, {normalize("NFD", "팀원.csv"): table}, photos, classes, folds)
    assert list(found) == [normalize("NFC", "팀원")]


def test_who_may_give_hints_comes_before_who_takes_them(make_member, table, photos, classes, folds):
    ours = {"hog": make_member(1), "vlm": make_member(2)}
    found = collect_predictions(ours, {"friend.csv": table}, photos, classes, folds)
    assert list(found) == ["hog", "friend", "vlm"]
