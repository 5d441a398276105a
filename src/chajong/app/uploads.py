"""An uploaded file, looked at before anything is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.app.service import RequestError
from chajong.photos.decode import UnreadablePhotoError, open_photo

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.app.settings import AppSettings


def read_upload(path: Path, settings: AppSettings) -> bytes:
    """Read an uploaded photo.

    Its name is never looked at: what it is, its first bytes say.

    Args:
        path: Where the server put it.
        settings: The limits.

    Raises:
        RequestError: It is empty or too large.
        UnreadablePhotoError: It is of a format that is not read, is damaged, or has too many
            pixels.
    """
    limit = settings.max_upload_megabytes
    try:
        size = path.stat().st_size
        if size > limit * 1e6:
            message = f"The file has {size / 1e6:.1f} MB; {limit:g} MB are allowed."
            raise RequestError(message, 413)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RequestError("The file is gone: give it again.") from error
    check_photo(data, settings)
    return data


def check_photo(data: bytes, settings: AppSettings) -> None:
    """See that an upload is a photo of an allowed size, before anything of it is decoded.

    Raises:
        UnreadablePhotoError: As `read_upload`.
    """
    try:
        open_photo(data, settings.max_megapixels)
    except UnreadablePhotoError as error:
        # What a decoder says of a damaged header is for its authors.
        damaged = str(error).startswith("damaged")
        raise UnreadablePhotoError("the file is damaged" if damaged else str(error)) from error
