"""One small run of a member of every kind."""

import gc
from importlib import import_module

import pytest
from tiny_members import Run, make_weights, tiny_blocks

LIBRARIES = ("open_clip", "peft", "timm", "torchvision", "transformers.trainer")


@pytest.fixture(scope="module", autouse=True)
def _libraries_are_no_garbage():
    """Every training looks for garbage a few times, half a second each in all that these made."""
    for library in LIBRARIES:
        import_module(library)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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
    """The same with labels moved on to the next class that no model of fold 0 may see.

    It is every other one, so that the model of fold 1 still learns something.
    """
    folds = tables.folds
    unseen = folds.loc[(folds["fold"] != 1) | ~folds["label_counts"], "photo_id"]
    return Run(blocks, relabelled(tables, unseen.iloc[::2]), tmp_path_factory.mktemp("relabelled"))
