"""One run at a time in a folder, and nothing left of killed ones."""

import os
import shutil
import subprocess
import sys
import unicodedata
from hashlib import sha256

import pyarrow as pa
import pytest

from chajong.data_folder import (
    OF_PHOTOS,
    PHOTOS,
    OccupiedError,
    OtherPhotosError,
    UnwritableError,
    claim,
    occupy,
)
from chajong.tables import write_parquet

HOLDS = """
import sys
from pathlib import Path
from chajong.data_folder import occupy
lock = occupy(Path(sys.argv[1]))
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_run(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "데이터")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "has it\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_until_the_first_is_gone(another_run, tmp_path):
    told = rf"데이터 since 20\d\d-.* \(process {another_run.pid} on .*: -c .*data_dir=<folder>"
    with pytest.raises(OccupiedError, match=told):
        occupy(tmp_path / "데이터")
    another_run.kill()
    another_run.wait()
    occupy(tmp_path / "데이터").release()


def test_another_folder_is_free(another_run, tmp_path):
    occupy(tmp_path / "other").release()


def test_what_killed_runs_left_is_removed_or_put_back(tmp_path):
    (tmp_path / "03" / "photos.parquet.unfinished-0123abcd").parent.mkdir()
    (tmp_path / "03" / "photos.parquet.unfinished-0123abcd").touch()
    (tmp_path / "06" / "index.unfinished-0123abcd").mkdir(parents=True)
    (tmp_path / "06" / "index.unfinished-0123abcd" / "half").touch()
    (tmp_path / "06" / "색인.replaced-0123abcd").mkdir()
    (tmp_path / "06" / "mine.unfinished").mkdir()
    occupy(tmp_path).release()
    left = sorted(
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if not path.name.startswith(".")
    )
    assert left == ["03", "06", "06/mine.unfinished", "06/색인"]


def test_a_folder_that_nobody_can_write_to_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableError, match="Name another folder with --params data_dir="):
        occupy(tmp_path / "file" / "data")


class TestPhotos:
    """A folder belongs to the photos that its results are of."""

    @pytest.fixture
    def raw(self, tmp_path):
        return self.photos(tmp_path / "사진", "mine")

    @pytest.fixture
    def data(self, tmp_path, raw):
        folder = tmp_path / "data"
        (folder / PHOTOS).parent.mkdir(parents=True)
        claim(folder, str(raw), raw, replace=False)
        self.write_table(folder, raw)
        return folder

    def photos(self, folder, content):
        for number in range(30):
            path = folder / "train" / "차" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content} {number}")
        return folder

    def write_table(self, folder, raw):
        paths = sorted(raw.rglob("*.jpg"))
        columns = {
            "split": ["train"] * len(paths),
            "path": [path.relative_to(raw).as_posix() for path in paths],
            "sha256": [sha256(path.read_bytes()).hexdigest() for path in paths],
        }
        write_parquet(pa.table(columns), folder / PHOTOS)

    def test_other_photos_are_refused_and_both_named(self, data, raw, tmp_path):
        other = self.photos(tmp_path / "other", "yours")
        with pytest.raises(OtherPhotosError) as caught:
            claim(data, str(other), other, replace=False)
        for words in (str(raw), str(other), "data_dir=<folder>", "replace_photos=true"):
            assert words in str(caught.value)
        assert (data / OF_PHOTOS).read_text() == str(raw)

    def test_they_are_taken_when_one_says_so(self, data, raw, tmp_path):
        other = self.photos(tmp_path / "other", "yours")
        claim(data, str(other), other, replace=True)
        assert (data / OF_PHOTOS).read_text() == str(other)

    @pytest.mark.parametrize("spelling", ["link", "relative", "decomposed"])
    def test_the_same_folder_may_be_spelled_otherwise(self, data, raw, tmp_path, spelling):
        (data / PHOTOS).unlink()
        self.write_table(data, self.photos(tmp_path / "other", "yours"))  # so that the path counts
        (tmp_path / "link").symlink_to(raw)
        spelled = {
            "link": str(tmp_path / "link"),
            "relative": os.path.relpath(raw),
            "decomposed": unicodedata.normalize("NFD", str(raw)),
        }[spelling]
        claim(data, spelled, raw, replace=False)
        assert (data / OF_PHOTOS).read_text() == str(raw)

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_photos_that_were_moved_or_grew_are_the_same(self, data, raw, tmp_path, form):
        moved = tmp_path / "moved"
        shutil.move(raw, moved)
        (moved / "train" / "차").rename(moved / "train" / unicodedata.normalize(form, "차"))
        for number in range(4):
            next(iter(sorted(moved.rglob("*.jpg")))).unlink()
            (moved / "train" / f"more_{number}.jpg").touch()
        claim(data, str(moved), moved, replace=False)
        assert (data / OF_PHOTOS).read_text() == str(moved)

    def test_an_address_is_no_folder_of_this_disk(self, data, tmp_path):
        with pytest.raises(OtherPhotosError, match=r"reads s3://bucket/photos"):
            claim(data, "s3://bucket/photos", tmp_path / "fetched", replace=False)
        (data / OF_PHOTOS).unlink()  # as where a mirror has filled it
        claim(data, "s3://bucket/photos", tmp_path / "fetched", replace=False)
        assert (data / OF_PHOTOS).read_text() == "s3://bucket/photos"

    def test_a_folder_without_results_is_anybodys(self, data, tmp_path):
        (data / PHOTOS).unlink()
        other = self.photos(tmp_path / "other", "yours")
        claim(data, str(other), other, replace=False)

    def test_results_of_before_this_was_noted_are_known_by_their_photos(self, data, raw, tmp_path):
        (data / OF_PHOTOS).unlink()
        other = self.photos(tmp_path / "other", "yours")
        with pytest.raises(OtherPhotosError, match="has results of other photos"):
            claim(data, str(other), other, replace=False)
        claim(data, str(raw), raw, replace=False)
