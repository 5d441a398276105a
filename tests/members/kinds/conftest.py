"""One small run of a member of every kind."""

import pytest
from tiny_members import Run, make_weights, tiny_blocks


@pytest.fixture(scope="session")
def tables(make_tables, relabelled, tmp_path_factory):
    """A few labels are wrong, so that no member is ever certain."""
    tables = make_tables(tmp_path_factory.mktemp("photos"))
    return relabelled(tables, tables.folds["photo_id"].iloc[[1, 8, 15, 20, 24, 29]])


@pytest.fixture(scope="session")
def blocks(tables, tmp_path_factory):
    """The configuration of a tiny member of every kind."""
    weights = tmp_path_factory.mktemp("weights")
    make_weights(weights, tables.classes)
    return tiny_blocks(weights)


@pytest.fixture(scope="session")
def run(blocks, tables, tmp_path_factory):
    """The run, to be looked at and never changed."""
    return Run(blocks, tables, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def relabelled_run(run, blocks, tables, relabelled, tmp_path_factory):
    """The same with every label of fold 0 moved on to the next class."""
    own = tables.folds.loc[tables.folds["fold"] == 0, "photo_id"]
    return Run(blocks, relabelled(tables, own), tmp_path_factory.mktemp("relabelled"))
