import numpy as np
import pandas as pd
import pytest

from chajong.probabilities.collection import collect_predictions
from chajong.probabilities.external import ExternalMemberError


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
