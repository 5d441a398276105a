import pyarrow as pa
import pytest

from chajong.photos.store import PhotoStore


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
