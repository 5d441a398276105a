import pickle

import psutil
import pyarrow as pa
import pytest

from chajong.photos import store as photo_store
from chajong.photos.store import PhotoStore, open_photo_store
from chajong.tables import write_table


@pytest.fixture
def store() -> PhotoStore:
    jpegs = pa.chunked_array([[b"one", b"two"], [b"three"]], pa.large_binary())
    table = pa.table({"sha256": pa.chunked_array([["a", "b"], ["c"]]), "jpeg": jpegs})
    return PhotoStore(table.replace_schema_metadata({"preparation": "640 pixels"}))


def test_gives_photos_by_content(store):
    assert [store.jpeg(key) for key in ("c", "a", "b")] == [b"three", b"one", b"two"]


def test_knows_what_it_holds(store):
    assert len(store) == 3
    assert list(store.keys()) == ["a", "b", "c"]
    assert "a" in store
    assert "d" not in store


def test_says_how_its_photos_were_prepared(store):
    assert store.preparation == "640 pixels"


def test_an_unknown_photo_is_an_error(store):
    with pytest.raises(KeyError, match="d"):
        store.jpeg("d")


class TestPickle:
    @pytest.fixture
    def large(self):
        photos = pa.array([bytes([number]) * 100_000 for number in range(3)], pa.large_binary())
        table = pa.table({"sha256": ["a", "b", "c"], "jpeg": photos})
        return PhotoStore(table.replace_schema_metadata({"preparation": "640 pixels"}))

    def test_of_a_mapped_file_only_the_path_is_sent(self, large, tmp_path):
        write_table(large.table, tmp_path / "차종.arrow")
        sent = pickle.dumps(open_photo_store(tmp_path / "차종.arrow"))
        received = pickle.loads(sent)
        assert len(sent) < 1000
        assert [received.jpeg(key) for key in "abc"] == [large.jpeg(key) for key in "abc"]
        assert received.preparation == "640 pixels"

    def test_photos_in_memory_are_sent_themselves(self, large):
        received = pickle.loads(pickle.dumps(large))
        assert received.jpeg("b") == large.jpeg("b")
        assert received.preparation == "640 pixels"


def test_pages_that_were_read_are_let_go_of(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_store, "KEPT_BYTES", 1_000_000)
    photos = [bytes([number]) * 1_000_000 for number in range(60)]
    keys = [f"{number:064x}" for number in range(60)]
    table = pa.table({"sha256": keys, "jpeg": pa.array(photos, pa.large_binary())})
    write_table(table, tmp_path / "store.arrow")
    opened = open_photo_store(tmp_path / "store.arrow")
    before = psutil.Process().memory_info().rss
    assert [opened.jpeg(key) == photo for key, photo in zip(keys * 2, photos * 2, strict=True)] == [
        True
    ] * 120
    assert psutil.Process().memory_info().rss - before < 20e6
