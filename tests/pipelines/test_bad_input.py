"""Bad input: a clear error before long work starts, or a flagged row; no row lost or shifted."""

import csv
import shutil
import struct
import subprocess
import unicodedata
import zlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.table import class_table
from chajong.photos.raw_tables import RawDataError
from chajong.photos.store import PhotoStore
from chajong.pipelines.data_processing.folds import group_photos
from chajong.pipelines.data_processing.parameters import DataProcessingParameters

UNKNOWN_CLASS = "Nobody_Saw_This_Car_2024"
EMPTY_CLASS = "Empty_Folder_2020"
SINGLE_CLASS = "Single_Photo_2021"
FEW_CLASS = "Three_Photos_2022"
TWICE_CLASS = "두_번_있는_차_2023"
ADDED_CLASSES = (EMPTY_CLASS, SINGLE_CLASS, FEW_CLASS, TWICE_CLASS, UNKNOWN_CLASS)


def png_bomb(side=50_000):
    """A PNG of a few bytes whose header claims a side of so many pixels."""

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def write_rows(path, rows):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def add_columns(path, names):
    header, *rows = rows_of(path)
    write_rows(path, [[*header, *names], *([*row, *["0"] * len(names)] for row in rows)])


def add_class(raw, folder, photos):
    (raw / "train" / folder).mkdir()
    for number, photo in enumerate(photos):
        shutil.copy(photo, raw / "train" / folder / f"{folder[:4]}_{number}_{photo.stem[-4:]}.jpg")


@pytest.fixture(scope="module")
def flawed(rendered, tmp_path_factory, run_pipelines, load_dataset):
    """One run over a folder with every flaw that must not stop it."""
    folder = tmp_path_factory.mktemp("flawed")
    raw = shutil.copytree(rendered, folder / "raw")
    tests = sorted((raw / "test").glob("*.jpg"))
    unused = tests[20:]  # test photos have no labels, so they can stand for any class
    add_class(raw, EMPTY_CLASS, [])
    add_class(raw, SINGLE_CLASS, unused[:1])
    add_class(raw, FEW_CLASS, unused[1:4])
    add_class(raw, unicodedata.normalize("NFC", TWICE_CLASS), unused[4:7])
    add_class(raw, unicodedata.normalize("NFD", TWICE_CLASS), unused[7:10])
    add_columns(raw / "sample_submission.csv", ADDED_CLASSES)
    bad = raw / "train" / FEW_CLASS
    (bad / "zero.jpg").write_bytes(b"")
    (bad / "text.jpg").write_text("This is a shopping list.")
    (bad / "truncated.jpg").write_bytes(unused[0].read_bytes()[:900])
    (bad / "bomb.png").write_bytes(png_bomb())
    tests[0].unlink()
    tests[1].write_bytes(b"")
    run_pipelines(raw, folder / "data")
    return SimpleNamespace(
        raw=raw,
        photos=load_dataset(raw, folder / "data", "photos"),
        audit=load_dataset(raw, folder / "data", "data_processing.audit"),
        submission=load_dataset(raw, folder / "data", "ensemble.submission"),
        summary=load_dataset(raw, folder / "data", "ensemble.summary"),
        folds=load_dataset(raw, folder / "data", "folds"),
        missing=tests[0].stem,
        empty=tests[1].stem,
    )


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("zero.jpg", "the file is empty"),
        ("text.jpg", "not a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF file"),
        ("truncated.jpg", "damaged: image file is truncated"),
        ("bomb.png", "50000 x 50000 pixels, more than the limit of 300 megapixels"),
    ],
)
def test_a_file_that_is_no_photo_is_flagged(flawed, file, reason):
    (row,) = flawed.photos[flawed.photos["photo_id"].str.endswith(f"/{file}")].itertuples()
    (finding,) = flawed.audit[flawed.audit["photo_id"] == row.photo_id].itertuples()
    assert (row.status, row.class_name) == ("unreadable", FEW_CLASS)
    assert row.reason.startswith(reason)
    assert (finding.kind, finding.action) == ("unreadable", "left out of training")
    assert row.photo_id not in set(flawed.folds["photo_id"])


def test_a_missing_test_photo_is_flagged(flawed):
    (row,) = flawed.photos[flawed.photos["photo_id"] == flawed.missing].itertuples()
    (finding,) = flawed.audit[flawed.audit["photo_id"] == flawed.missing].itertuples()
    assert (row.status, row.reason) == ("missing", f"there is no file test/{flawed.missing}.jpg")
    assert (finding.kind, finding.action) == ("missing", "predicted by the class prior")


@pytest.mark.parametrize(
    ("name", "kind", "detail"),
    [
        (EMPTY_CLASS, "empty class", "photos that count: 0, folds: 4"),
        (UNKNOWN_CLASS, "empty class", "photos that count: 0, folds: 4"),
        (SINGLE_CLASS, "few photos", "photos that count: 1, folds: 4"),
        (FEW_CLASS, "few photos", "photos that count: 3, folds: 4"),
    ],
)
def test_a_class_with_too_few_photos_is_flagged(flawed, name, kind, detail):
    found = flawed.audit[flawed.audit["kind"].isin(["empty class", "few photos"])]
    (finding,) = found[found["class_name"] == name].itertuples()
    assert (finding.kind, finding.detail) == (kind, detail)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (
            "left out",
            "folders in train/ without photos of their own, which give no class: 1 "
            f"('train/{EMPTY_CLASS}').",
        ),
        (
            "warning",
            f"2 folders are named train/{TWICE_CLASS} in different Unicode forms (NFC, NFD): their "
            "photos are one class.",
        ),
        (
            "warning",
            "classes of sample_submission.csv without train photos: 2 "
            f"({EMPTY_CLASS!r}, {UNKNOWN_CLASS!r}).",
        ),
    ],
)
def test_what_is_strange_about_the_folder_is_told(flawed, kind, detail):
    assert detail in set(flawed.audit.loc[flawed.audit["kind"] == kind, "detail"])
    assert detail.removesuffix(".") in flawed.summary


def test_photos_that_cannot_be_read_are_counted_in_the_summary(flawed):
    unreadable = flawed.photos[flawed.photos["status"] == "unreadable"]["split"].value_counts()
    for split, consequence in (
        ("train", "left out of training"),
        ("test", "answered by how frequent classes are"),
    ):
        assert f"unreadable {split} photos, {consequence}, {unreadable[split]}: " in flawed.summary
    assert f"missing test photos, answered by how frequent classes are, 1: {flawed.missing}" in (
        flawed.summary
    )


def test_folders_that_differ_in_unicode_form_are_one_class(flawed):
    assert (flawed.photos["class_name"] == TWICE_CLASS).sum() == 6


def test_no_photo_is_lost(flawed):
    files = [path for path in (flawed.raw / "train").rglob("*") if path.is_file()]
    listed = rows_of(flawed.raw / "test.csv")[1:]
    assert flawed.photos["split"].value_counts().to_dict() == {
        "train": len(files),
        "test": len(listed),
    }


def test_no_row_is_shifted(flawed):
    test = flawed.photos[flawed.photos["split"] == "test"].set_index("photo_id")
    listed = dict(rows_of(flawed.raw / "test.csv")[1:])
    assert test["path"].to_dict() == {name: path[2:] for name, path in listed.items()}
    for row in test[test["status"] == "ok"].itertuples():
        assert (flawed.raw / row.path).stat().st_size == row.bytes


def test_every_id_and_class_has_probabilities(flawed):
    wanted = rows_of(flawed.raw / "sample_submission.csv")
    probabilities = flawed.submission.drop(columns="ID")
    assert flawed.submission["ID"].tolist() == [row[0] for row in wanted[1:]]
    assert probabilities.columns.tolist() == wanted[0][1:]
    assert np.isfinite(probabilities.to_numpy()).all()
    assert (probabilities.max() > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_only_unreadable_test_photos_share_the_class_prior(flawed):
    probabilities = flawed.submission.set_index("ID")
    unreadable = flawed.photos.query("split == 'test' and status != 'ok'")["photo_id"]
    prior = probabilities.loc[flawed.missing]
    same = probabilities.index[np.isclose(probabilities, prior, rtol=0, atol=1e-12).all(axis=1)]
    assert {flawed.missing, flawed.empty} < set(unreadable)
    assert set(same) == set(unreadable)


def test_an_unreadable_test_photo_leaves_the_other_rows_as_they_are(
    finished, raw_dir, data_dir, run_pipelines, load_dataset
):
    broken = sorted((raw_dir / "test").glob("*.jpg"))[4]
    broken.write_text("no photo")
    run_pipelines(raw_dir, data_dir, hog=finished.hog)
    clean = finished.load("ensemble.submission").set_index("ID").drop(index=broken.stem)
    found = (
        load_dataset(raw_dir, data_dir, "ensemble.submission")
        .set_index("ID")
        .drop(index=broken.stem)
    )
    pd.testing.assert_frame_equal(found, clean, atol=1e-6)


class TestErrors:
    def check(self, run_pipelines, raw, data, message, **parameters):
        with pytest.raises(Exception, match=message):
            run_pipelines(raw, data, **parameters)
        assert not (data / "03_primary" / "photos.parquet").exists()

    def test_missing_raw_dir(self, tmp_path, run_pipelines):
        message = r"There is no folder .*nowhere\. Name your photos with --params raw_dir="
        self.check(run_pipelines, tmp_path / "nowhere", tmp_path / "data", message)

    def test_train_class_without_a_column(self, raw_dir, tmp_path, run_pipelines):
        add_class(raw_dir, UNKNOWN_CLASS, sorted((raw_dir / "test").glob("*.jpg"))[:3])
        message = (
            rf"sample_submission\.csv has no column for the train class '{UNKNOWN_CLASS}': "
            "rename the class, or add the column"
        )
        self.check(run_pipelines, raw_dir, tmp_path / "data", message)

    def test_photos_that_differ_only_in_unicode_form(self, raw_dir, tmp_path, run_pipelines):
        first = min((raw_dir / "train").rglob("*.jpg"))
        for form in ("NFC", "NFD"):
            shutil.copy(first, first.with_name(unicodedata.normalize(form, "앞모습.jpg")))
        message = r"differ only in Unicode's composed \(NFC\) and decomposed \(NFD\) form.*rename"
        self.check(run_pipelines, raw_dir, tmp_path / "data", message)

    def test_more_folds_than_any_class_has_photos(self, rendered, tmp_path, run_pipelines):
        with pytest.raises(ValueError, match="cannot be split into 60 folds: lower the number"):
            run_pipelines(
                rendered, tmp_path / "data", "data_processing", data_processing={"folds": 60}
            )

    @pytest.mark.parametrize("library", ["open_clip", "timm"])
    def test_unknown_encoder(self, rendered, tmp_path, run_pipelines, library):
        encoder = {"library": library, "model": "test_efficientnett", "weights": "random"}
        message = r"knows no model 'test_efficientnett'.*Change the encoder's `model`"
        block = {"other": {"kind": "frozen", "encoder": encoder}}
        self.check(run_pipelines, rendered, tmp_path / "data", message, **block)

    def test_weights_that_do_not_fit(self, rendered, tmp_path, run_pipelines):
        import torch
        from safetensors.torch import save_file

        weights = tmp_path / "other.safetensors"
        save_file({"conv_stem.weight": torch.zeros(3, 3)}, weights)
        encoder = {"library": "timm", "model": "test_efficientnet", "weights": str(weights)}
        message = r"other\.safetensors and the model 'test_efficientnet' do not fit: .*Name the"
        block = {"timm_frozen": {"kind": "frozen", "encoder": encoder}}
        self.check(run_pipelines, rendered, tmp_path / "data", message, **block)

    def test_weights_that_are_not_there(self, rendered, tmp_path, run_pipelines):
        encoder = {
            "library": "timm",
            "model": "test_efficientnet",
            "weights": str(tmp_path / "gone.safetensors"),
        }
        message = r"gone\.safetensors does not exist\. Give an existing"
        block = {"timm_frozen": {"kind": "frozen", "encoder": encoder}}
        self.check(run_pipelines, rendered, tmp_path / "data", message, **block)

    def test_full_disk(self, rendered, small_disk, run_pipelines):
        message = rf"The disk of {small_disk}.* is full: .*write to another disk"
        self.check(run_pipelines, rendered, small_disk, message)
        assert not list(small_disk.rglob("shard-*"))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 kB."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "chajong-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_one_class_that_can_be_read_is_refused():
    photos = pd.DataFrame(
        {
            "photo_id": ["a", "b", "c"],
            "split": "train",
            "status": ["ok", "ok", "unreadable"],
            "class_name": ["RAV4_2016_2018", "라브4_4세대_2013_2018", "K5"],
            "group": None,
            "sha256": ["1", "2", "3"],
            "perceptual_hash": ["0" * 16, "f" * 16, None],
            "verdict": "",
        }
    )
    classes = class_table(merge_aliases(photos["class_name"], CHALLENGE_ALIASES))
    store = PhotoStore(pa.table({"sha256": ["1", "2"], "jpeg": [b"", b""]}))
    with pytest.raises(RawDataError, match="Fewer than two classes have train photos"):
        group_photos(photos, classes, store, DataProcessingParameters(seed=0))
