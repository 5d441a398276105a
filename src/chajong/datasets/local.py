"""What datasets that keep one local file or folder have in common."""

from __future__ import annotations

import logging
import shutil
from abc import abstractmethod
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from kedro.io import AbstractVersionedDataset, DatasetError, Version
from kedro.io.core import VERSION_FORMAT, generate_timestamp

from chajong.manifest import check_file, check_folder, content_of, is_complete
from chajong.whole import share_files

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class LocalDataset(AbstractVersionedDataset[Saved, Loaded]):
    """Keeps its data in one file or folder, or in one a version, each whole."""

    def __init__(
        self,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
        keep: int | None = None,
        shares_with: Sequence[str] = (),
    ) -> None:
        """Name the file or folder.

        Args:
            filepath: The file or folder.
            version: The load and save versions, where the catalog asks for versions.
            metadata: Passed through for Kedro-Viz.
            keep: How many versions are kept, the latest ones; all where it is not given. A version
                that is loaded by its name, or that a person named, is never removed.
            shares_with: Folders that may hold the same files as this one, as earlier versions may:
                what is equal is kept once; see `chajong.whole.share_files`.
        """
        super().__init__(PurePosixPath(filepath), version, _is_whole, _versions)
        self.metadata = metadata
        self._keep = keep
        self._shares_with = shares_with

    @abstractmethod
    def read(self, path: Path) -> Loaded:
        """Read the file or folder."""

    @abstractmethod
    def write(self, data: Saved, path: Path) -> None:
        """Write the file or folder, whole or not at all; its parent exists."""

    @property
    def filepath(self) -> Path:
        """The file or folder, or the folder of its versions."""
        return Path(self._filepath)

    @property
    def is_versioned(self) -> bool:
        """Whether every save is a version of its own."""
        return self._version is not None

    @property
    def stored(self) -> Path:
        """The file or folder that is loaded: of the version asked for, or the latest."""
        return Path(self._get_load_path())

    def check(self, cure: str) -> None:
        """See that what is stored is what was written.

        Args:
            cure: What a person does about damage, a sentence.

        Raises:
            DamagedError: It is not.
        """
        path = self.stored
        (check_folder if path.is_dir() else check_file)(path, cure)

    def content(self) -> str:
        """Name what is stored by its content; nothing has a name, too."""
        return content_of(self.stored) if self.exists() else ""

    def load(self) -> Loaded:
        """Read what is stored.

        Raises:
            DamagedError: It is not what was written.
        """
        return self.read(self.stored)

    def save(self, data: Saved) -> None:
        """Write the file or folder, or a new version of it."""
        path = Path(self._get_save_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write(data, path)
        if self._version is not None:
            share_files(path, (self.filepath, *map(Path, self._shares_with)))
            self._remove_old_versions(path.parent.name)

    def _remove_old_versions(self, saved: str) -> None:
        """Remove what comes before the versions to be kept; what cannot be removed is named."""
        if self._keep is None:
            return
        kept = {saved, *self.list_versions(full_path=False)[: self._keep]}
        for folder in sorted(self.filepath.iterdir()):
            version = folder.name
            if version < min(kept) and _is_timestamp(version) and version != self._asked_for:
                try:
                    shutil.rmtree(folder)
                except OSError as error:
                    logger.warning(
                        "The old version %s could not be removed (%s): remove it by hand.",
                        folder,
                        error,
                    )

    @property
    def _asked_for(self) -> str | None:
        """The version that is loaded by its name, if any."""
        return None if self._version is None else self._version.load

    def resolve_save_version(self) -> str | None:
        """Name the version to save: it comes after all others, even where a clock was set back."""
        if self._version is None:
            return None
        if self._cached_save_version is None:
            wanted = self._version.save or generate_timestamp()
            latest = next(iter(self.list_versions(full_path=False)), "")
            # Kedro sorts versions by their paths, in which a slash follows the name.
            is_later = f"{latest}/" > f"{wanted}/"
            self._cached_save_version = _after(latest) if is_later else wanted
        return self._cached_save_version

    def _exists(self) -> bool:
        try:
            return self.stored.exists()
        except DatasetError:
            return False

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _is_whole(path: str) -> bool:
    """Tell a version that can be read; a folder that lacks files hides no earlier one."""
    return is_complete(Path(path)) if Path(path).is_dir() else Path(path).exists()


def _versions(pattern: str) -> list[str]:
    """List what lies at ``<folder>/*/<name>``; no sign in the folder's own name has a meaning."""
    folder, name = Path(pattern).parent.parent, Path(pattern).name
    return [str(version / name) for version in folder.iterdir()] if folder.is_dir() else []


def _is_timestamp(version: str) -> bool:
    """Tell a version that a run named from a copy that a person made and named."""
    try:
        datetime.strptime(version, VERSION_FORMAT)
    except ValueError:
        return False
    return True


def _after(version: str) -> str:
    """Name a version that sorts right after another."""
    if not _is_timestamp(version):
        return f"{version}~"
    later = datetime.strptime(version, VERSION_FORMAT) + timedelta(milliseconds=1)
    return later.isoformat(timespec="milliseconds").replace(":", ".") + "Z"
