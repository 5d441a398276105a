import errno
import os
import socket
import threading

import pytest

from chajong.photos import photo_file
from chajong.photos.decode import UnreadablePhotoError
from chajong.photos.photo_file import (
    MAX_BYTES,
    PatientReading,
    PhotoStorageError,
    read_photo_file,
)


@pytest.fixture
def waited(monkeypatch):
    seconds = []
    monkeypatch.setattr(photo_file.time, "sleep", seconds.append)
    return seconds


def test_a_file_is_read_through_a_link(tmp_path):
    (tmp_path / "차.jpg").write_bytes(b"photo")
    (tmp_path / "link.jpg").symlink_to("차.jpg")
    assert read_photo_file(tmp_path / "link.jpg") == b"photo"


def refused(path) -> str:
    with pytest.raises(UnreadablePhotoError) as error:
        read_photo_file(path)
    return str(error.value)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.jpg"))
        assert refused(tmp_path / "s.jpg") == "a socket, not a photo's file"
    assert refused(tmp_path / "pipe.jpg") == "a pipe, not a photo's file"
    assert refused(tmp_path / "zero.jpg") == "a device, not a photo's file"
    assert refused(tmp_path / "folder.jpg") == "a folder, not a photo's file"


def test_a_file_larger_than_any_photo_is_not_read(tmp_path):
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(3_000_000_000)
    assert refused(tmp_path / "sparse.jpg") == (
        f"the file has 3,000,000,000 bytes, more than the limit of {MAX_BYTES:,}"
    )


def failing(times: int, error: OSError):
    left = [error] * times

    def read() -> bytes:
        if left:
            raise left.pop()
        return b"photo"

    return read


def test_a_storage_that_fails_for_a_moment_is_asked_again(waited):
    reading = PatientReading(1)
    failed = OSError(errno.EIO, "Input/output error")
    assert reading.read("a.jpg", failing(3, failed)) == b"photo"
    assert waited == list(photo_file.WAITS)
    assert not reading.failed


@pytest.mark.parametrize(
    ("error", "tries", "reason"),
    [
        (OSError(errno.EIO, "Input/output error"), 4,
         "the storage failed, not the photo: Input/output error, 4 times"),
        (OSError("connection lost"), 4,
         "the storage failed, not the photo: connection lost, 4 times"),
        (PermissionError(errno.EACCES, "Permission denied"), 1,
         "the file cannot be opened: Permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), 1,
         "the file changed or vanished while photos were read"),
    ],
)  # fmt: skip
def test_a_photo_without_bytes_says_whose_fault_it_is(waited, error, tries, reason):
    reading = PatientReading(1)
    with pytest.raises(UnreadablePhotoError) as raised:
        reading.read("a.jpg", failing(9, error))
    assert len(waited) == tries - 1
    assert str(raised.value) == reading.failed["a.jpg"] == reason


def test_a_bad_photo_is_nobodys_fault_but_its_own(waited):
    reading = PatientReading(1)

    def read() -> bytes:
        raise UnreadablePhotoError("a pipe, not a photo's file")

    for number in range(9):
        with pytest.raises(UnreadablePhotoError, match="a pipe"):
            reading.read(f"{number}.jpg", read)
    assert not reading.failed


@pytest.mark.parametrize(("photos", "allowed"), [(1, 2), (200, 2), (1_000, 10)])
def test_too_many_failures_stop_the_run(waited, photos, allowed):
    reading = PatientReading(photos)

    def fail(number: int) -> None:
        error = OSError(errno.EIO, "Input/output error")
        if number % 2:
            error = PermissionError(errno.EACCES, "Permission denied")
        reading.read(f"{number}.jpg", failing(9, error))

    for number in [*range(allowed), *range(allowed)]:  # the same photo counts once
        with pytest.raises(UnreadablePhotoError):
            fail(number)
    with pytest.raises(PhotoStorageError) as stopped:
        fail(allowed)
    message = str(stopped.value)
    assert message.startswith(f"{allowed + 1} of {photos:,} photos or more cannot be read")
    assert f"Input/output error: {allowed // 2 + 1}, Permission denied: {allowed // 2}" in message
    assert f"for example {allowed}.jpg" in message


def test_threads_count_together(waited):
    reading = PatientReading(10_000)
    error = OSError(errno.EIO, "Input/output error")

    def fail(first: int) -> None:
        for number in range(first, first + 25):
            with pytest.raises(UnreadablePhotoError):
                reading.read(f"{number}.jpg", failing(9, error))

    threads = [threading.Thread(target=fail, args=(first,)) for first in (0, 25, 50, 75)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(PhotoStorageError, match="Input/output error: 101"):
        reading.read("last.jpg", failing(9, error))
