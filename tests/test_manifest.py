"""Every change of what was written is found, and nothing else is called damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.manifest import DamagedError, check_file, check_folder, fingerprint, seal_folder
from chajong.whole import whole_file, whole_folder


@pytest.fixture
def folder(tmp_path):
    with whole_folder(tmp_path / "모델") as unfinished:
        (unfinished / "깊이").mkdir()
        (unfinished / "깊이" / "weights").write_bytes(b"weights")
        (unfinished / "card").write_text("card")
    return tmp_path / "모델"


def test_a_whole_folder_passes_and_more_files_are_no_damage(folder):
    (folder / ".DS_Store").touch()
    check_folder(folder, "cure")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "card").unlink(), "card is missing. Cure."),
        (lambda folder: (folder / "깊이" / "weights").write_bytes(b"weightz"), "its content"),
        (lambda folder: (folder / "card").write_text("c"), "has 1 bytes"),
        (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "manifest.json is damaged"),
    ],
)
def test_damage_is_told_with_the_file_and_the_cure(change, told, folder):
    change(folder)
    with pytest.raises(DamagedError, match=rf"모델.*{told}") as error:
        check_folder(folder, "Cure.")
    assert str(error.value).endswith("Cure.")


@given(content=st.binary(min_size=1, max_size=50), place=st.integers(0, 49), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_file_is_found(tmp_path_factory, content, place, bit):
    path = tmp_path_factory.mktemp("flips") / "file"
    with whole_file(path, sealed=True) as unfinished:
        unfinished.write_bytes(content)
    check_file(path, "")
    flipped = bytearray(content)
    flipped[place % len(content)] ^= 1 << bit
    path.write_bytes(flipped)
    with pytest.raises(DamagedError, match="file is damaged"):
        check_file(path, "")


def test_a_file_of_somebody_else_passes(tmp_path):
    (tmp_path / "a").write_text("theirs")
    check_file(tmp_path / "a", "")


def test_a_file_that_was_replaced_is_known_before_and_after(tmp_path):
    path = tmp_path / "a"
    for text in ("first", "second", "third"):
        with whole_file(path, sealed=True) as unfinished:
            unfinished.write_text(text)
            # Killed here, the file is still the one before.
            if text != "first":
                check_file(path, "")
        check_file(path, "")
    path.write_text("first")
    with pytest.raises(DamagedError):
        check_file(path, "")


def test_a_fingerprint_is_of_the_content_alone(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"same")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    seal_folder(tmp_path)
    check_folder(tmp_path, "")
