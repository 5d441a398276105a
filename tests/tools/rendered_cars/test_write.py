import csv
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.rendered_cars import write
from tools.rendered_cars.scene import draw_scene
from tools.rendered_cars.write import (
    photo_seed,
    rendered_jpeg,
    write_rendered_photos,
    write_shipped_sample,
)

NAMES = ["한별_다온_2018_2020", "K5_하이브리드_3세대_2020_2023", "K5_3세대_하이브리드_2020_2022"]


def write_small(folder, seed=1, **options):
    write_rendered_photos(folder, NAMES, 3, 2, seed, size=(48, 30), progress=False, **options)
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("rendered"))


class TestLayout:
    def test_is_the_challenges_exactly(self, folder):
        train = {f"train/{name}/{name}_{k:04d}.jpg" for name in NAMES for k in range(3)}
        test = {f"test/TEST_{k:05d}.jpg" for k in range(6)}
        tables = {"test.csv", "sample_submission.csv", "answers.csv"}

        assert set(contents(folder)) == train | test | tables

    def test_tables_have_one_byte_order_mark(self, folder):
        for name in ("test.csv", "sample_submission.csv"):
            data = (folder / name).read_bytes()
            assert data.startswith(b"\xef\xbb\xbfID,")
            assert data.count(b"\xef\xbb\xbf") == 1

    def test_test_table_names_every_test_photo(self, folder):
        header, *table = rows(folder / "test.csv")

        assert header == ["ID", "img_path"]
        assert table[0] == ["TEST_00000", "./test/TEST_00000.jpg"]
        assert all((folder / path).is_file() and Path(path).stem == i for i, path in table)

    def test_submission_has_a_column_a_class_in_sorted_order(self, folder):
        header, *table = rows(folder / "sample_submission.csv")

        assert header == ["ID", *sorted(NAMES)]
        assert [row[0] for row in table] == [f"TEST_{k:05d}" for k in range(6)]
        assert all(len(row) == 4 for row in table)

    def test_answers_hold_every_class_equally_often_in_no_order(self, folder):
        _, *table = rows(folder / "answers.csv")
        labels = [label for _, label in table]

        assert Counter(labels) == dict.fromkeys(NAMES, 2)
        assert labels != sorted(labels)

    def test_photos_have_the_size_asked_for(self, folder):
        for path in folder.rglob("*.jpg"):
            with Image.open(path) as image:
                assert (image.size, image.format) == ((48, 30), "JPEG")


def test_the_same_seed_writes_the_same_bytes(folder, tmp_path):
    assert contents(write_small(tmp_path)) == contents(folder)


def test_another_seed_writes_other_photos(folder, tmp_path):
    other = contents(write_small(tmp_path, seed=2))

    assert all(other[name] != data for name, data in contents(folder).items() if "jpg" in name)


def test_several_processes_write_the_same_bytes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "ONE_PROCESS_PHOTOS", 0)

    assert contents(write_small(tmp_path)) == contents(folder)


def test_aliases_show_the_same_car(tmp_path, monkeypatch):
    scene = draw_scene(np.random.default_rng(0))
    monkeypatch.setattr(write, "draw_scene", lambda rng, exposure: scene)
    photos = contents(write_small(tmp_path))
    sedan, *aliases = (photos[f"train/{name}/{name}_0000.jpg"] for name in NAMES)

    assert aliases[0] == aliases[1] != sedan


def test_answers_belong_to_the_photos(folder):
    for name, label in rows(folder / "answers.csv")[1:]:
        looks_like = sorted(NAMES)[0] if label.startswith("K5") else label
        candidates = {
            rendered_jpeg(
                looks_like, "test", photo_seed(1, "test", sorted(NAMES).index(label), k), (48, 30)
            )
            for k in range(2)
        }
        assert (folder / "test" / f"{name}.jpg").read_bytes() in candidates


def test_test_photos_are_darker(tmp_path):
    write_rendered_photos(tmp_path, NAMES, 15, 15, 0, size=(32, 20), progress=False)
    means = {
        split: np.mean(
            [np.asarray(Image.open(p)).mean() for p in (tmp_path / split).rglob("*.jpg")]
        )
        for split in ("train", "test")
    }

    assert 0.6 < means["test"] / means["train"] < 0.95


def test_names_may_come_in_nfd_and_any_order(folder, tmp_path):
    names = [unicodedata.normalize("NFD", name) for name in reversed(NAMES)]
    write_rendered_photos(tmp_path, names, 3, 2, 1, size=(48, 30), progress=False)

    assert contents(tmp_path) == contents(folder)


def test_a_folder_with_photos_is_not_overwritten(folder):
    with pytest.raises(FileExistsError, match="holds something already"):
        write_small(folder)


def test_a_name_given_twice_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ValueError, match="한별_다온_2018_2020"):
        write_rendered_photos(
            tmp_path, [*NAMES, unicodedata.normalize("NFD", NAMES[0])], 1, 1, 0, progress=False
        )


def test_the_shipped_sample_is_made_with_oddities_and_a_documented_seed(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(write, "write_rendered_photos", lambda *a, **k: calls.append((a, k)))
    write_shipped_sample(tmp_path)
    [((_, names, train, test, seed), options)] = calls

    assert (len(names), train, test, seed, options) == (24, 24, 6, 20250519, {"oddities": True})
