"""Names of files, and folders that others may have made: nothing in them leads elsewhere."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING
from unicodedata import normalize

from chajong.slip import SlipError

if TYPE_CHECKING:
    from pathlib import Path


class OutsideError(SlipError, ValueError):
    """A part of a folder that lies elsewhere; the message names it and what to do."""


def folded(name: str) -> str:
    """Take names that some file systems do not keep apart as one."""
    return normalize("NFC", normalize("NFC", name).casefold())


def inside(folder: Path, name: str) -> Path:
    """Give the path of a part of a folder, by a name that the folder's own files give it.

    Args:
        folder: The folder.
        name: A relative path, with slashes of either kind.

    Raises:
        OutsideError: The name leads out of the folder.
    """
    parts = PureWindowsPath(name)  # knows drives and both kinds of slashes
    if parts.anchor or ".." in parts.parts or not parts.parts:
        message = (
            f"{folder} names {name!r} as one of its parts, which leads out of the folder. Nothing "
            "outside is read: use a copy from where it was made, or name a file in the folder."
        )
        raise OutsideError(message)
    return folder / name


def refuse_links(folder: Path) -> None:
    """See that a folder holds its files itself.

    Raises:
        OutsideError: Something in it is a link.
    """
    for path in folder.rglob("*"):
        if path.is_symlink():
            message = (
                f"{path} is a link to {path.readlink()}, and links are not followed here: put the "
                "file itself in its place."
            )
            raise OutsideError(message)
