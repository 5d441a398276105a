"""Writes that are cut off at every file operation, by an error and by SIGKILL."""

import subprocess
import sys
from contextlib import suppress

import pytest

from chajong.whole import is_leftover, whole_file, whole_folder

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
