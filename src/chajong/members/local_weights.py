"""Local weights that travel with what is saved."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.encoders.weights import is_path
from chajong.members.checkpoint import BASE

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = {"weights", "name_model"}
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
    """Name the copies that `copy_weights` made by their paths on this machine."""
    return _changed(settings, lambda path: str(folder.resolve() / path.removeprefix(INSIDE)))


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
    return change(value) if _names_local_weights(key, value) else _changed(value, change)


def _names_local_weights(key: str, value: Any) -> bool:
    """Tell a path from a word; a name model's hub repository looks like a path."""
    if key not in SETTINGS or not isinstance(value, str):
        return False
    if value.startswith(INSIDE):
        return True
    return is_path(value) and (key == "weights" or Path(value).exists())
