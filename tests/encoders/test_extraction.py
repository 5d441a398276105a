import io
import tracemalloc
from hashlib import sha256

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from chajong.encoders import extraction
from chajong.encoders.building import encoder_key
from chajong.encoders.extraction import (
    encode_all,
    encode_by_each,
    extract_features,
    feature_schema,
    features_of_photos,
    missing_contents,
    read_features,
    smallest_float,
)
from chajong.encoders.parameters import HogParameters
from chajong.photos.content_cache import ContentCache
from chajong.photos.resizing import Preparation
from chajong.photos.store import PhotoStore


class MeanColour:
    """An encoder whose features a person can check: the mean of each channel."""

    preparation = Preparation(height=8, width=12)
    batch_size = 4

    def __init__(self, fail_after=None):
        self.encoded = 0
        self._fail_after = fail_after

    def encode(self, photos):
        if self._fail_after is not None and self.encoded >= self._fail_after:
            raise KeyboardInterrupt
        self.encoded += len(photos)
        return photos.float().mean(dim=(1, 3, 4)).numpy()


@pytest.fixture
def store():
    jpegs = []
    for grey in range(10, 250, 12):
        file = io.BytesIO()
        Image.new("RGB", (30, 20), (grey, 100, 255 - grey)).save(file, "JPEG", quality=95)
        jpegs.append(file.getvalue())
    keys = [sha256(jpeg).hexdigest() for jpeg in jpegs]
    return PhotoStore(pa.table({"sha256": keys, "jpeg": pa.array(jpegs, pa.large_binary())}))


@pytest.fixture
def cache(tmp_path):
    return ContentCache(tmp_path / "features", feature_schema())


def test_features_come_back_in_the_order_asked_for(store, cache):
    keys = list(store.keys())
    extract_features(keys, store, MeanColour(), cache, "test")
    wanted = [keys[5], keys[0], keys[5]]
    matrix, _ = read_features(cache, wanted)
    expected = [[10 + 12 * row, 100, 245 - 12 * row] for row in (5, 0, 5)]
    np.testing.assert_allclose(matrix, expected, atol=3)
    assert matrix.dtype == np.float16


def test_every_photo_is_encoded_in_order_and_as_often_as_named(store):
    keys = list(store.keys())
    contents = [*keys[:7], *keys[2:4]]
    given = encode_all(contents, store, MeanColour(), "차종")
    expected = [store_pixels(store, key).mean(axis=(1, 2)) for key in contents]
    np.testing.assert_allclose(given, expected, atol=1e-3)


def test_models_of_all_folds_see_a_photo_that_is_prepared_once(store, monkeypatch):
    class Brightest(MeanColour):
        def encode(self, photos):
            return photos.amax(dim=(1, 3, 4)).numpy()

    contents = [*list(store.keys())[:6], next(iter(store.keys()))]
    models = {3: MeanColour(), 7: Brightest()}
    apart = {fold: encode_all(contents, store, model) for fold, model in models.items()}
    decoded = []
    prepare = Preparation.pictures
    monkeypatch.setattr(
        Preparation, "pictures", lambda *given: decoded.append(1) or prepare(*given)
    )
    together = encode_by_each(contents, store, models)
    assert together.keys() == apart.keys()
    for fold, encoded in together.items():
        np.testing.assert_array_equal(encoded, apart[fold])
    assert len(decoded) == len(contents)


def store_pixels(store, key):
    """Decode and resize a photo with nothing but Pillow."""
    photo = Image.open(io.BytesIO(store.jpeg(key)))
    return np.array(photo.resize((12, 8), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def test_only_new_photos_are_encoded(store, cache):
    keys = list(store.keys())
    extract_features(keys[:7], store, MeanColour(), cache, "test")
    assert missing_contents(cache, [*keys, keys[0], keys[-1]]) == keys[7:]


def test_readable_photos_have_features_that_are_kept_for_the_next_run(store, tmp_path):
    keys = list(store.keys())
    photos = pd.DataFrame(
        {
            "photo_id": ["차/a.jpg", "cut off", "b", "copy of b"],
            "sha256": [keys[0], None, keys[1], keys[1]],
            "status": ["ok", "unreadable", "ok", "ok"],
        }
    )
    store = PhotoStore(store.table.replace_schema_metadata({"preparation": "test"}))
    runs = [features_of_photos(photos, store, "hog", tmp_path, HogParameters()) for _ in range(2)]
    (first, report), (again, report_again) = runs
    assert first.photo_ids == ("차/a.jpg", "b", "copy of b")
    np.testing.assert_array_equal(first.matrix[1], first.matrix[2])
    np.testing.assert_array_equal(first.matrix, again.matrix)
    assert [each["photos_encoded_now"] for each in (report, report_again)] == [2, 0]
    assert report["seconds"] == report_again["seconds"] > 0


def test_histograms_made_in_two_processes_are_those_of_one(store, tmp_path, monkeypatch):
    keys = list(store.keys())
    photos = pd.DataFrame({"photo_id": keys, "sha256": keys, "status": "ok"})
    store = PhotoStore(store.table.replace_schema_metadata({"preparation": "test"}))
    here, _ = features_of_photos(photos, store, "hog", tmp_path / "one", HogParameters())
    key = encoder_key(HogParameters())
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(extraction, "PHOTOS_A_PROCESS", 8)
    monkeypatch.setattr(extraction, "build_encoder", None)  # which only this process has lost
    apart, report = features_of_photos(photos, store, key, tmp_path / "two", HogParameters())
    np.testing.assert_array_equal(apart.matrix, here.matrix)
    assert report["photos_encoded_now"] == len(keys)


def test_an_interrupted_extraction_resumes_after_its_last_shard(store, cache, monkeypatch):
    monkeypatch.setattr(extraction, "SHARD_PHOTOS", 8)
    keys = list(store.keys())
    with pytest.raises(KeyboardInterrupt):
        extract_features(keys, store, MeanColour(fail_after=12), cache, "test")

    reopened = ContentCache(cache.folder, feature_schema())
    left = missing_contents(reopened, keys)
    assert left == keys[8:]
    encoder = MeanColour()
    extract_features(left, store, encoder, reopened, "test")
    assert encoder.encoded == len(keys) - 8

    whole = ContentCache(cache.folder.with_name("whole"), feature_schema())
    extract_features(keys, store, MeanColour(), whole, "test")
    np.testing.assert_array_equal(read_features(reopened, keys)[0], read_features(whole, keys)[0])


def test_one_shard_is_read_after_another(cache):
    generator = np.random.default_rng(0)
    shards = [generator.normal(size=(50, 1_000)).astype(np.float32) for _ in range(40)]
    for number, features in enumerate(shards):
        keys = [f"{number}-{row}" for row in range(50)]
        cache.append(extraction._rows(keys, features, seconds=1.0))
    wanted = [f"{number}-{row}" for row in range(50) for number in range(40)]
    tracemalloc.start()
    matrix, seconds = read_features(cache, wanted)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = np.stack(shards).swapaxes(0, 1).reshape(2_000, 1_000).astype(np.float16)
    np.testing.assert_array_equal(matrix, expected)
    assert seconds == pytest.approx(40, rel=1e-5)
    assert peak < 1.5 * matrix.nbytes


def test_one_shard_that_needs_more_room_gives_it_to_all(cache):
    small, large = np.float32([[0.1, 1 / 3]]), np.float32([[70_000, 0.2]])
    cache.append(extraction._rows(["small"], small, seconds=1.0))
    cache.append(extraction._rows(["large"], large, seconds=1.0))
    matrix, _ = read_features(cache, ["large", "small", "large"])
    np.testing.assert_array_equal(matrix, np.vstack([large, small, large]))


def test_shards_that_hold_nothing_wanted_are_passed_over(cache):
    kept, gone = np.float32([[0.5, 0.25]]), np.float32([[1.0, 2.0]])
    cache.append(extraction._rows(["gone"], gone, seconds=1.0))
    cache.append(extraction._rows(["kept"], kept, seconds=2.0))
    matrix, seconds = read_features(cache, ["kept"])
    np.testing.assert_array_equal(matrix, kept)
    assert seconds == 2.0


def test_a_photo_without_features_is_named(cache):
    with pytest.raises(KeyError, match="1 photos have no features, the first is gone"):
        read_features(cache, ["gone"])


def test_the_time_of_identical_photos_counts_once(store, cache):
    keys = list(store.keys())
    extract_features(keys, store, MeanColour(), cache, "test")
    assert read_features(cache, keys * 2)[1] == pytest.approx(read_features(cache, keys)[1])


def test_float16_is_used_only_where_it_fits():
    assert smallest_float(np.array([[65504.0]], np.float32)).dtype == np.float16
    assert smallest_float(np.array([[-70000.0]], np.float32)).dtype == np.float32
