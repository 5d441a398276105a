"""Writes that are cut off at every file operation, by an error and by SIGKILL."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong import whole
from chajong.manifest import DamagedError, check_folder
from chajong.whole import bytes_on_disk, is_leftover, share_files, whole_file, whole_folder

CUT_OFF = """
import os, shutil, signal, sys
from itertools import count
from pathlib import Path

FILE_OPERATIONS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}

def cut_off(write, moment, how):
    # Write in a child whose moment-th file operation fails or ends it; tell whether there was one.
    child = os.fork()
    if child == 0:
        left = [moment]
        def end(event, _):
            if event in FILE_OPERATIONS:
                left[0] -= 1
                if not left[0] and how == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                if not left[0]:
                    raise OSError("No space left on device")
        sys.addaudithook(end)
        try:
            write()
        except OSError:
            os._exit(1)
        os._exit(2 if left[0] > 0 else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 2
"""

REPLACEMENT = (
    CUT_OFF
    + """
from chajong.manifest import check_folder
from chajong.whole import is_leftover, whole_folder

top, how = Path(sys.argv[1]), sys.argv[2]
folder = top / "deep" / "[2025] 차"

def write(text):
    with whole_folder(folder, known_by="a") as unfinished:
        for name in ("a", "inside/b"):
            (unfinished / name).parent.mkdir(exist_ok=True)
            (unfinished / name).write_text(text)

def read():
    check_folder(folder, "cure")
    return {(folder / name).read_text() for name in ("a", "inside/b")}

absent = 0
for moment in count(1):
    shutil.rmtree(top)
    top.mkdir()
    write("old")
    was_cut_off = cut_off(lambda: write("new"), moment, how)
    absent += not folder.exists()
    try:
        with whole_folder(folder, known_by="a"):
            raise OSError
    except OSError:
        pass
    assert read() in ({"old"}, {"new"}), moment
    assert len(list(folder.rglob("*"))) == 4, moment  # two files, a folder, a manifest
    write("newest")
    assert read() == {"newest"}, moment
    assert not any(map(is_leftover, top.rglob("*"))), moment
    if not was_cut_off:
        break
print(moment, absent)
"""
)

VERSIONS = (
    CUT_OFF
    + """
import torch
from kedro.io import Version
from chajong.datasets import CheckpointDataset
from chajong.members.checkpoint import Checkpoint
from chajong.whole import is_leftover, remove_all_leftovers

top, how = Path(sys.argv[1]), sys.argv[2]

def save(number):
    checkpoint = Checkpoint(
        {"weight": torch.full((2,), float(number))}, {"number": number}, {"files/card": b"card"}
    )
    CheckpointDataset(str(top), Version(None, f"2026-01-0{number}")).save(checkpoint)

def latest():
    found = CheckpointDataset(str(top), Version(None, None)).load()
    assert found.tensors["weight"].tolist() == [found.configuration["number"]] * 2
    assert found.files == {"files/card": b"card"}
    return found.configuration["number"]

save(9)  # so that nothing is imported in a child
for moment in count(1):
    shutil.rmtree(top)
    save(1)
    was_cut_off = cut_off(lambda: save(2), moment, how)
    assert latest() in ((1, 2) if was_cut_off else (2,)), moment
    save(3)
    assert latest() == 3, moment
    remove_all_leftovers(top)
    assert latest() == 3, moment
    assert not any(map(is_leftover, top.rglob("*"))), moment
    if not was_cut_off:
        break
print(moment, 0)
"""
)


def cut_off_everywhere(script, folder, how):
    folder.mkdir()
    command = [sys.executable, "-c", script, str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()[-2:]]


@pytest.mark.parametrize("how", ["failed", "killed"])
def test_a_replacement_cut_off_anywhere_leaves_the_old_folder_or_the_new(how, tmp_path):
    moments, absent = cut_off_everywhere(REPLACEMENT, tmp_path / "top", how)
    assert moments > 8
    assert absent == (how == "killed")  # between two renames, until the next write


def test_a_checkpoint_killed_anywhere_is_never_the_latest(tmp_path):
    moments, _ = cut_off_everywhere(VERSIONS, tmp_path / "checkpoint", "killed")
    assert moments > 8


def test_a_folder_is_not_there_before_it_is_whole(tmp_path):
    with whole_folder(tmp_path / "a") as unfinished:
        assert is_leftover(unfinished)
        assert not (tmp_path / "a").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("known_by", [None, "index.json"])
def test_what_is_not_of_the_kind_is_not_written_over(known_by, tmp_path):
    (tmp_path / "photos" / "train").mkdir(parents=True)
    with (
        pytest.raises(FileExistsError, match="photos holds something already"),
        whole_folder(tmp_path / "photos", known_by),
    ):
        pass
    assert (tmp_path / "photos" / "train").is_dir()


def test_an_empty_folder_is_filled(tmp_path):
    with whole_folder(tmp_path) as unfinished:
        (unfinished / "a").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "manifest.json"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for text in ("old", "new"):
        with whole_folder(tmp_path / "link", known_by="a") as unfinished:
            (unfinished / "a").write_text(text)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "a").read_text() == "new"


def test_folders_with_names_like_leftovers_of_others_stay(tmp_path):
    for name in ("index.replaced", "index2.unfinished-01234567", "index.unfinished-of-mine"):
        (tmp_path / name).mkdir()
    with whole_folder(tmp_path / "index"):
        pass
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with suppress(RuntimeError), whole_file(path) as unfinished:
        unfinished.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


class TestSharing:
    CONTENT = bytes(whole.WORTH_SHARING)

    @pytest.fixture
    def folders(self, tmp_path):
        """Two sealed folders that hold the same weights, the first of them in a file."""
        for name in ("first", "모델/둘째"):
            with whole_folder(tmp_path / name) as unfinished:
                (unfinished / "weights").write_bytes(self.CONTENT)
                (unfinished / "card").write_text(name)
        return tmp_path / "first", tmp_path / "모델" / "둘째"

    def test_equal_files_become_one_that_both_folders_have(self, folders, tmp_path):
        before = bytes_on_disk(tmp_path)
        share_files(folders[1], [folders[0], tmp_path / "absent"])
        assert folders[0].joinpath("weights").samefile(folders[1] / "weights")
        assert before - bytes_on_disk(tmp_path) == len(self.CONTENT)
        for folder in folders:
            check_folder(folder, "")

    def test_a_folder_beside_others_is_found_in_a_relative_path(
        self, folders, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        share_files(folders[1], [Path()])
        assert folders[0].joinpath("weights").samefile(folders[1] / "weights")

    def test_a_sealed_file_is_shared_with_a_folder(self, folders, tmp_path):
        (tmp_path / "training").mkdir()
        with whole_file(tmp_path / "training" / "a", sealed=True) as unfinished:
            unfinished.write_bytes(self.CONTENT)
        share_files(folders[1], [tmp_path / "training"])
        assert (tmp_path / "training" / "a").samefile(folders[1] / "weights")

    def test_what_one_folder_writes_or_removes_is_not_changed_in_the_other(self, folders):
        share_files(folders[1], [folders[0]])
        with whole_folder(folders[0], known_by="card") as unfinished:
            (unfinished / "weights").write_bytes(b"new")
        check_folder(folders[1], "")
        assert (folders[1] / "weights").read_bytes() == self.CONTENT

    def test_damage_to_one_is_told_of_both(self, folders):
        share_files(folders[1], [folders[0]])
        with (folders[0] / "weights").open("r+b") as file:
            file.write(b"\1")
        for folder in folders:
            with pytest.raises(DamagedError, match="weights is damaged"):
                check_folder(folder, "")

    def test_a_damaged_file_is_shared_with_nobody(self, folders):
        damaged = folders[0] / "weights"
        damaged.write_bytes(b"\1" + self.CONTENT[1:])
        share_files(folders[1], [folders[0]])
        check_folder(folders[1], "")
        assert not damaged.samefile(folders[1] / "weights")

    def test_files_of_people_are_never_shared(self, folders, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "weights").write_bytes(self.CONTENT)
        share_files(folders[1], [tmp_path / "mine"])
        assert (tmp_path / "mine" / "weights").stat().st_nlink == 1

    def test_a_disk_without_links_keeps_copies(self, folders, monkeypatch, tmp_path):
        def refuse(*_):
            raise PermissionError

        monkeypatch.setattr(os, "link", refuse)
        share_files(folders[1], [folders[0]])
        check_folder(folders[1], "")
        assert (folders[1] / "weights").stat().st_nlink == 1
        assert not any(map(is_leftover, tmp_path.rglob("*")))

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.dictionaries(st.sampled_from("ab"), st.binary(max_size=1)), max_size=3))
    def test_contents_stay_and_each_is_on_the_disk_once(self, tmp_path_factory, contents):
        top = tmp_path_factory.mktemp("folders")
        places: dict[bytes, set[int]] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(whole, "WORTH_SHARING", 1)
            for number, files in enumerate(contents):
                with whole_folder(top / str(number)) as unfinished:
                    for name, content in files.items():
                        (unfinished / name).write_bytes(content)
                share_files(top / str(number), [top])
        for number, files in enumerate(contents):
            check_folder(top / str(number), "")
            for name, content in files.items():
                assert (top / str(number) / name).read_bytes() == content
                places.setdefault(content, set()).add((top / str(number) / name).stat().st_ino)
        for content, files in places.items():
            most = max(list(held.values()).count(content) for held in contents)
            assert not content or len(files) <= most
