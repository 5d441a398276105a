import errno

import imagehash
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pydantic import ValidationError

from chajong.photos import photo_file, preparation
from chajong.photos.content_cache import ContentCache
from chajong.photos.decode import decode_photo
from chajong.photos.near_duplicates import hash_bits
from chajong.photos.photo_file import PhotoStorageError
from chajong.photos.preparation import (
    StoreSettings,
    open_photo_cache,
    prepare_photo,
    prepare_photos,
)
from chajong.photos.store import PhotoStore

SETTINGS = StoreSettings(shortest_side=60)


class TestOnePhoto:
    def test_a_small_upright_rgb_jpeg_keeps_its_bytes(self, make_photo):
        data = make_photo(width=90, height=60)
        prepared = prepare_photo(data, SETTINGS)
        assert prepared.jpeg == data
        assert (prepared.status, prepared.reason) == ("ok", None)
        assert (prepared.width, prepared.height, prepared.bytes) == (90, 60, len(data))

    @pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (130, 61)])
    def test_a_larger_photo_is_reduced_to_the_shortest_side(self, make_photo, width, height):
        prepared = prepare_photo(make_photo(width=width, height=height), SETTINGS)
        stored = decode_photo(prepared.jpeg)
        assert min(stored.shape[:2]) == 60
        assert stored.shape[1] / stored.shape[0] == pytest.approx(width / height, rel=0.02)
        assert (prepared.width, prepared.height) == (width, height)

    def test_a_small_photo_is_not_enlarged(self, encode, make_picture):
        prepared = prepare_photo(encode(make_picture(31, 17), "PNG"), SETTINGS)
        assert decode_photo(prepared.jpeg).shape == (17, 31, 3)

    @pytest.mark.parametrize(
        ("mode", "form"), [("RGB", "PNG"), ("RGB", "WEBP"), ("CMYK", "JPEG"), ("L", "JPEG")]
    )
    def test_other_photos_become_rgb_jpegs(self, encode, make_picture, mode, form):
        picture = make_picture(90, 60).convert(mode)
        prepared = prepare_photo(encode(picture, form), SETTINGS)
        stored = decode_photo(prepared.jpeg)
        assert prepared.jpeg.startswith(b"\xff\xd8\xff")
        assert np.abs(stored - np.asarray(picture.convert("RGB"), dtype=float)).mean() < 6

    def test_a_rotated_photo_is_stored_upright(self, encode, make_picture):
        exif = Image.Exif()
        exif[0x0112] = 6
        prepared = prepare_photo(encode(make_picture(60, 40), exif=exif), SETTINGS)
        assert (prepared.width, prepared.height) == (40, 60)
        assert decode_photo(prepared.jpeg).shape == (60, 40, 3)

    def test_a_strip_too_long_for_jpeg_is_reduced(self, encode):
        strip = Image.new("RGB", (70_000, 2), "white")
        prepared = prepare_photo(encode(strip, "PNG"), SETTINGS)
        assert decode_photo(prepared.jpeg).shape == (2, 65_500, 3)
        assert prepared.width == 70_000

    def test_one_pixel_is_a_photo(self, encode):
        assert prepare_photo(encode(Image.new("RGB", (1, 1))), SETTINGS).status == "ok"

    @pytest.mark.parametrize(
        ("data", "reason"), [(b"", "the file is empty"), (b"text", "not a JPEG, PNG, WebP, BMP")]
    )
    def test_an_unreadable_file_says_why(self, data, reason):
        prepared = prepare_photo(data, SETTINGS)
        assert prepared.status == "unreadable"
        assert prepared.reason.startswith(reason)
        assert prepared.jpeg is None
        assert prepared.bytes == len(data)

    def test_the_size_limit_is_a_setting(self, make_photo):
        settings = StoreSettings(max_megapixels=0.001)
        assert "0.001 megapixels" in prepare_photo(make_photo(), settings).reason

    def test_statistics_are_those_of_the_whole_picture(self, make_picture, encode):
        picture = make_picture(690, 437)
        prepared = prepare_photo(encode(picture, quality=95), SETTINGS)
        grey = np.asarray(picture.convert("L"), dtype=float)
        saturation = np.asarray(picture.convert("HSV"), dtype=float)[..., 1] / 255
        assert prepared.brightness == pytest.approx(grey.mean(), abs=1.5)
        assert prepared.contrast == pytest.approx(grey.std(), rel=0.05)
        assert prepared.saturation == pytest.approx(saturation.mean(), abs=0.03)

    def test_statistics_of_plain_colours(self, encode):
        red = prepare_photo(encode(Image.new("RGB", (64, 64), (200, 0, 0)), "PNG"), SETTINGS)
        assert (red.brightness, red.contrast, red.saturation) == (60, 0, 1)

    @pytest.mark.parametrize("form", ["JPEG", "PNG"])
    @pytest.mark.parametrize("seed", range(4))
    def test_the_hash_is_near_that_of_the_whole_picture(self, make_picture, encode, form, seed):
        picture = make_picture(690, 437, seed)
        digits = prepare_photo(encode(picture, form), SETTINGS).perceptual_hash
        assert imagehash.hex_to_hash(digits) - imagehash.phash(picture) <= 4

    def test_hashes_tell_copies_from_other_pictures(self, make_picture, encode):
        settings = StoreSettings()
        first, copy, other = (
            prepare_photo(encode(make_picture(*size, seed), quality=quality), settings)
            for size, seed, quality in [
                ((690, 437), 0, 90),
                ((320, 200), 0, 60),
                ((690, 437), 1, 90),
            ]
        )
        bits = hash_bits([first.perceptual_hash, copy.perceptual_hash, other.perceptual_hash])
        assert np.bitwise_count(bits[0] ^ bits[1]) <= 4
        assert np.bitwise_count(bits[0] ^ bits[2]) > 12


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        StoreSettings(quality=90)


@pytest.fixture
def files(make_photo) -> dict[str, bytes]:
    return {
        "train/K5/0.jpg": make_photo(0),
        "train/K5/1.jpg": make_photo(1, 300, 200),
        "train/K5/copy.jpg": make_photo(0),
        "train/K5/empty.jpg": b"",
        "test/2.jpg": make_photo(2),
    }


def listing_of(files: dict[str, bytes], missing: tuple[str, ...] = ()) -> pd.DataFrame:
    paths = [*files, *missing]
    return pd.DataFrame(
        {
            "photo_id": [f"id of {path}" for path in paths],
            "path": paths,
            "split": ["train" if path.startswith("train") else "test" for path in paths],
            "class_name": ["K5" if path.startswith("train") else None for path in paths],
            "group": pd.Series(None, index=range(len(paths)), dtype="str"),
            "found": [path in files for path in paths],
        }
    )


@pytest.fixture
def prepare(files, tmp_path):
    def prepare_files(read=files.__getitem__, missing=(), settings=SETTINGS):
        cache = open_photo_cache(tmp_path, settings)
        return prepare_photos(read, listing_of(files, missing), settings, cache, progress=False)

    return prepare_files


class TestManyPhotos:
    def test_one_row_for_each_listed_photo_in_order(self, prepare, files):
        photos, _ = prepare(missing=("test/3.jpg",))
        assert photos["path"].tolist() == [*files, "test/3.jpg"]
        assert photos["status"].tolist() == ["ok", "ok", "ok", "unreadable", "ok", "missing"]
        assert photos["bytes"].tolist()[:5] == [len(data) for data in files.values()]
        assert photos["width"].tolist()[:3] == [90, 300, 90]
        assert photos["reason"].tolist()[3] == "the file is empty"
        assert photos["reason"].tolist()[5] == "there is no file test/3.jpg"
        assert photos["reason"].isna().tolist() == [True, True, True, False, True, False]

    def test_types_hold_with_and_without_missing_values(self, prepare, files):
        photos, _ = prepare(missing=("test/3.jpg",))
        assert photos["width"].dtype == "Int64"
        assert photos["width"].isna().sum() == 2
        del files["train/K5/empty.jpg"]
        pd.testing.assert_series_equal(prepare()[0].dtypes, photos.dtypes)

    def test_the_store_has_each_readable_content_once(self, prepare, files):
        photos, table = prepare()
        store = PhotoStore(table)
        assert len(store) == 3
        readable = photos[photos["status"] == "ok"]
        assert set(store.keys()) == set(readable["sha256"])
        assert store.jpeg(photos.loc[0, "sha256"]) == files["train/K5/0.jpg"]
        assert decode_photo(store.jpeg(photos.loc[1, "sha256"])).shape == (60, 90, 3)

    def test_the_store_names_its_settings(self, prepare):
        larger = StoreSettings(shortest_side=100)
        stores = [PhotoStore(prepare(settings=settings)[1]) for settings in (SETTINGS, larger)]
        assert stores[0].preparation == SETTINGS.key != stores[1].preparation

    def test_the_store_copies_no_photo(self, prepare, files, encode):
        noise = np.random.default_rng(0).integers(0, 256, (20, 60, 500, 3), dtype=np.uint8)
        for number, pixels in enumerate(noise):
            files[f"train/K5/noise{number}.jpg"] = encode(Image.fromarray(pixels), quality=95)
        prepare()
        before = pa.total_allocated_bytes()
        _, table = prepare()
        assert table.nbytes > 400_000
        assert pa.total_allocated_bytes() - before < 100_000

    def test_contents_that_are_gone_leave_the_store(self, prepare, files):
        prepare()
        del files["train/K5/1.jpg"]
        photos, table = prepare()
        assert table.num_rows == 2
        assert set(table["sha256"].to_pylist()) == set(
            photos.loc[photos["status"] == "ok", "sha256"]
        )

    def test_a_second_run_decodes_only_what_is_new(self, prepare, files, make_photo, monkeypatch):
        first, _ = prepare()
        files["train/K5/new.jpg"] = make_photo(9)
        decoded = []
        monkeypatch.setattr(
            preparation,
            "prepare_photo",
            lambda data, settings: decoded.append(data) or prepare_photo(data, settings),
        )
        photos, table = prepare()
        assert decoded == [files["train/K5/new.jpg"]]
        assert table.num_rows == 4
        pd.testing.assert_frame_equal(photos[:5], first)

    def test_an_interrupted_run_resumes_after_its_last_shard(self, prepare, monkeypatch):
        monkeypatch.setattr(preparation, "SHARD_PHOTOS", 1)
        calls = []

        def interrupted(data, settings):
            calls.append(data)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return prepare_photo(data, settings)

        monkeypatch.setattr(preparation, "prepare_photo", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare()
        photos, _ = prepare()
        assert len(calls) == 3 + 2
        assert (photos["status"] == "ok").sum() == 4

    def test_a_file_that_may_not_be_opened_is_a_row(self, prepare, files):
        def read(path):
            if path == "test/2.jpg":
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return files[path]

        photos, _ = prepare(read)
        row = photos.iloc[4]
        assert row["status"] == "unreadable"
        assert row["reason"] == "the file cannot be opened: Permission denied"

    @pytest.mark.parametrize("from_reading", [1, 2])
    def test_a_storage_that_fails_is_not_a_bad_photo(
        self, prepare, files, monkeypatch, from_reading
    ):
        monkeypatch.setattr(photo_file, "WAITS", (0.0,))
        reads = []

        def read(path):
            reads.append(path)
            if path == "test/2.jpg" and reads.count(path) >= from_reading:
                raise OSError(errno.EIO, "Input/output error")
            return files[path]

        photos, _ = prepare(read)
        reason = "the storage failed, not the photo: Input/output error, 2 times"
        assert photos.loc[4, "reason"] == reason
        assert prepare()[0]["status"].tolist()[4] == "ok"

    @pytest.mark.parametrize("from_reading", [1, 2])
    def test_a_storage_that_fails_often_stops_the_run(
        self, prepare, files, make_photo, monkeypatch, from_reading
    ):
        monkeypatch.setattr(photo_file, "WAITS", (0.0,))
        files |= {f"train/K5/more{seed}.jpg": make_photo(seed) for seed in range(5, 25)}
        reads = []

        def read(path):
            reads.append(path)
            if path.endswith("3.jpg") and reads.count(path) >= from_reading:
                raise OSError(errno.EIO, "Input/output error")
            return files[path]

        assert len(prepare(read)[0]) == 25  # two fail
        files["train/K5/33.jpg"] = make_photo(33)
        reads.clear()
        with pytest.raises(PhotoStorageError, match="3 of 26 photos or more cannot be read"):
            prepare(read)

    def test_a_whole_photo_without_its_end_is_kept_with_one(self, prepare, files, make_photo):
        files["test/2.jpg"] = make_photo(2)[:-2]
        photos, table = prepare()
        assert photos.loc[4, "status"] == "ok"
        assert PhotoStore(table).jpeg(photos.loc[4, "sha256"]).endswith(b"\xff\xd9")

    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_cut_photo_with_an_end_is_unreadable(
        self, prepare, files, make_picture, encode, progressive
    ):
        data = encode(make_picture(300, 200), quality=95, progressive=progressive)
        files["test/2.jpg"] = data[: len(data) * 6 // 10] + b"\xff\xd9"
        photos, _ = prepare()
        assert photos.loc[4, "status"] == "unreadable"
        assert photos.loc[4, "reason"].startswith("damaged: image file is truncated")

    @pytest.mark.parametrize("becomes", [None, "train/K5/1.jpg"])
    def test_a_file_that_changes_during_the_run_is_a_row(self, prepare, files, becomes):
        reads = []

        def read(path):
            reads.append(path)
            if path == "test/2.jpg" and reads.count(path) == 2:
                path = becomes
            if path is None:
                raise FileNotFoundError
            return files[path]

        photos, table = prepare(read)
        assert photos["status"].tolist() == ["ok", "ok", "ok", "unreadable", "unreadable"]
        assert "changed or vanished" in photos.loc[4, "reason"]
        assert table.num_rows == 2

    def test_a_full_disk_stops_the_run_and_keeps_finished_shards(
        self, small_disk, make_photo, monkeypatch
    ):
        monkeypatch.setattr(preparation, "SHARD_PHOTOS", 10)
        files = {f"train/K5/{seed}.jpg": make_photo(seed, 600, 400) for seed in range(100)}
        settings = StoreSettings()
        cache = open_photo_cache(small_disk, settings)
        with pytest.raises(OSError, match="is full") as error:
            prepare_photos(files.__getitem__, listing_of(files), settings, cache, progress=False)
        assert error.value.errno == errno.ENOSPC
        kept = ContentCache(cache.folder, cache.schema).keys()
        assert 10 <= len(kept) < 100
        assert len(kept) % 10 == 0
