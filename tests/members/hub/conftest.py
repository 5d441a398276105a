"""A hub without a network, and a few photos for members whose weights come from it."""

import pytest
from fake_hub import FakeHub
from tiny_classifier import labelled_photos

from chajong.encoders.hub import commit_of

COUNT, IN_SLICE, IN_TEST, NEW = 20, 4, 2, 2


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty hub that every library looks into."""
    empty = FakeHub(tmp_path / "hub")
    empty.use(monkeypatch)
    commit_of.cache_clear()
    yield empty
    commit_of.cache_clear()


@pytest.fixture
def publish(hub, tmp_path):
    """Return what writes a model by a function and commits it to the hub."""

    def make(repository, write, *args, **settings):
        folder = tmp_path / f"files {len(list(tmp_path.iterdir()))}"
        write(folder, *args, **settings)
        return hub.publish(repository, folder)

    return make


@pytest.fixture
def move(publish):
    """Return what commits anew, as a program that begins later finds it."""

    def make(repository, write, *args, **settings):
        commit_of.cache_clear()
        return publish(repository, write, *args, **settings)

    return make


@pytest.fixture(scope="session")
def tables(make_tables, tmp_path_factory):
    """Photos of three classes in two folds."""
    folder = tmp_path_factory.mktemp("tables")
    return make_tables(folder, count=COUNT, in_slice=IN_SLICE, in_test=IN_TEST)


@pytest.fixture(scope="session")
def more_photos(tmp_path_factory):
    """A store of the photos of `tables`, and of photos that no model was made with."""
    folder = tmp_path_factory.mktemp("more_photos")
    return labelled_photos(folder, COUNT + IN_TEST + NEW).store
