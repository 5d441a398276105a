from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

from chajong.predictions.collection import read_table_of_others, read_tables_of_others
from chajong.predictions.external import ExternalMemberError

NAMES = ("hog", "fusion", "차종")
COMPOSED, DECOMPOSED = (normalize(form, "팀원.csv") for form in ("NFC", "NFD"))


@pytest.fixture
def table(classes, folds, test_ids):
    ids = [*folds["photo_id"], *test_ids]
    names = list(classes["effective_class"].drop_duplicates())
    values = np.random.default_rng(0).dirichlet(np.ones(3), size=len(ids))
    return pd.DataFrame(values, columns=names).assign(photo_id=ids)


@pytest.fixture
def read_all(photos, classes, folds):
    return lambda tables: read_tables_of_others(tables, NAMES, photos, classes, folds)


@pytest.fixture
def read_one(photos, classes, folds):
    return lambda file, tables: read_table_of_others(file, tables, photos, classes, folds)


def test_tables_of_others_are_members_called_after_their_files(read_all, table, make_member):
    found = read_all({"팀원.csv": table, "friend.parquet": table})
    assert list(found) == ["팀원", "friend"]
    assert found["팀원"].contract == make_member(1).contract


def test_a_table_that_is_wrong_is_named(read_all, table):
    with pytest.raises(ExternalMemberError, match=r"팀원\.csv"):
        read_all({"팀원.csv": table.iloc[1:]})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["fusion.csv"], r"fusion\.csv has the name of this project's own 'fusion'\. Rename"),
        (["Fusion.parquet"], r"Fusion\.parquet .* this project's own 'fusion'\. Rename"),
        ([normalize("NFD", "차종.csv")], r"this project's own '차종'\. Rename"),
        (["ensemble.csv"], r"ensemble\.csv .* this project's own 'ensemble'"),
        (["a.csv", "a.parquet"], r"a\.parquet has the name of the table a\.csv"),
        (["hog.tsv.GZ"], r"'hog'\. Rename the file, for example to hog_of_others\.tsv\.GZ"),
        (["a.csv", "a.csv.gz"], r"a\.csv\.gz has the name of the table a\.csv"),
        (["a.csv", "A.csv"], r"A\.csv has the name of the table a\.csv"),
        ([COMPOSED, DECOMPOSED], "has the name of the table 팀원"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_both_and_the_fix(files, message, table, read_all):
    with pytest.raises(ExternalMemberError, match=message):
        read_all(dict.fromkeys(files, table))


def test_a_table_is_called_by_composed_letters(table, read_all):
    """Some file systems give names in decomposed letters, which no setting would match."""
    assert list(read_all({DECOMPOSED: table})) == [normalize("NFC", "팀원")]


@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, "팀원"])
@pytest.mark.parametrize("lies_as", [COMPOSED, DECOMPOSED])
def test_one_table_is_found_by_its_name_with_or_without_its_ending(
    asked, lies_as, table, read_one, read_all
):
    found = read_one(asked, {"other.csv": table, lies_as: table})
    expected = read_all({lies_as: table})[normalize("NFC", "팀원")]
    np.testing.assert_array_equal(found.log_probabilities, expected.log_probabilities)


def test_a_table_that_is_not_there_is_named_with_those_that_are(table, read_one):
    with pytest.raises(ExternalMemberError, match=r"no table 'fiend.*there are friend\.csv\. Put"):
        read_one("fiend.csv", {"friend.csv": table})
    with pytest.raises(ExternalMemberError, match="there are none"):
        read_one("fiend.csv", {})
