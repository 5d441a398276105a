"""Local weights that travel with what is saved."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.encoders.weights import BASE, LOCAL_MODEL, is_path
from chajong.inside import OutsideError, inside

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {"weights", "name_model", "model"}
"""Settings that may name a local file or folder."""

INSIDE = "inside:"
"""Begins a path that is relative to the directory that the settings are saved in."""


def copy_weights(settings: Any, folder: Path, copied: dict[str, str]) -> Any:
    """Copy every local file or folder of weights that settings name into a directory.

    Args:
        settings: JSON values; a hub repository or tag stays as it is.
        folder: The directory.
        copied: Where each path was copied to, to be kept from one call to the next.

    Returns:
        The settings, naming the copies relative to the directory.
    """

    def copy(path: str) -> str:
        if path not in copied:
            source = Path(path).expanduser()
            place = f"weights/{len(copied)}_{source.name}"
            target = folder / place
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy2(source, target)
            copied[path] = INSIDE + place
        return copied[path]

    return _changed(settings, copy)


def find_weights(settings: Any, folder: Path) -> Any:
    """Name the copies that `copy_weights` made by their paths on this machine.

    Raises:
        OutsideError: The settings name weights that are not in the directory.
    """

    def find(path: str) -> str:
        if path.startswith(INSIDE):
            return str(inside(folder.resolve(), path.removeprefix(INSIDE)))
        message = (
            f"{folder} names the weights {path!r}, which are not in it. Nothing outside is read: "
            "save it anew where these weights are, so that they are copied."
        )
        raise OutsideError(message)

    return _changed(settings, find)


def _changed(settings: Any, change: Callable[[str], str]) -> Any:
    """Change every setting that names local weights."""
    if isinstance(settings, list):
        return [_changed(value, change) for value in settings]
    if not isinstance(settings, dict):
        return settings
    return {
        key: value if key == BASE else _change(key, value, change)
        for key, value in settings.items()
    }


def _change(key: str, value: Any, change: Callable[[str], str]) -> Any:
    if key not in SETTINGS or not isinstance(value, str):
        return _changed(value, change)
    path = value.removeprefix(LOCAL_MODEL)
    if path != value:
        return LOCAL_MODEL + change(path)
    return change(path) if _is_local(key, path) else path


def _is_local(key: str, value: str) -> bool:
    """Tell a path from a word; a hub repository looks like a path."""
    if value.startswith(INSIDE):
        return True
    return is_path(value) and (key == "weights" or Path(value).expanduser().exists())
