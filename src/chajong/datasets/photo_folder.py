"""The raw photo folder as a catalog dataset."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from chajong.content import content_key

if TYPE_CHECKING:
    from chajong.photos.folder import PhotoFolder


class PhotoFolderDataset(AbstractDataset[None, "PhotoFolder"]):
    """Lists the photos of a folder in the challenge's layout; photos are read when asked for.

    The folder is scanned once, so that all nodes of a run count the same photos. One that lies
    elsewhere, such as ``s3://bucket/photos``, is copied first.

    Attributes:
        address: The folder as it was named.
    """

    def __init__(
        self,
        filepath: str,
        fetched: str,
        train_table: str | None = None,
        group_column: str | None = None,
        group_pattern: str | None = None,
        group_minutes: float | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Name the folder.

        Args:
            filepath: The folder that holds ``train/`` and, optionally, ``test/``, ``test.csv``
                and ``sample_submission.csv``; or its address, as fsspec names it.
            fetched: Where copies of folders that lie elsewhere are kept.
            train_table: A CSV of paths and labels, relative to the folder, in place of one folder
                a class.
            group_column: The column that names the vehicle or listing of a photo.
            group_pattern: A regular expression of which the groups name it in a file's name.
            group_minutes: Photos of one camera that follow within so many are of one vehicle.
            metadata: Passed through for Kedro-Viz.
        """
        self.address = filepath
        self._fetched = Path(fetched)
        self._train_table = train_table
        self._groups: dict[str, Any] = {
            "column": group_column,
            "pattern": group_pattern,
            "minutes": group_minutes,
        }
        self.metadata = metadata
        self._scanned: PhotoFolder | None = None

    def load(self) -> PhotoFolder:
        """Scan the folder, or give what was found before.

        Raises:
            RawDataError: The folder is not in a known layout; the message names the fix.
        """
        from chajong.photos.folder import scan_photo_folder
        from chajong.photos.groups import GroupSettings

        if self._scanned is None:
            groups = GroupSettings(**self._groups)
            if self._is_elsewhere:
                from chajong.photos.fetched import fetch_folder

                fetch_folder(self.address, self.folder)
            self._scanned = scan_photo_folder(self.folder, self._train_table, groups)
        return self._scanned

    def content(self) -> str:
        """Name the folder by its files, each by its size and when it was changed: none is read.

        Raises:
            RawDataError: A folder cannot be listed.
        """
        from chajong.photos.files import find_files

        if self._is_elsewhere:
            self.load()
        found = find_files(self.folder)
        files = {path: _state(self.folder / path) for path in (*found.photos, *found.others)}
        return content_key([self._describe(), files])

    def check(self) -> None:
        """See that the folder is there, without a look into it.

        Raises:
            RawDataError: It is not.
        """
        from chajong.photos.raw_tables import check_is_folder

        if not self._is_elsewhere:
            check_is_folder(self.folder)

    @property
    def _is_elsewhere(self) -> bool:
        return "://" in self.address

    @property
    def folder(self) -> Path:
        """The folder, or its copy on this disk."""
        if not self._is_elsewhere:
            return Path(self.address)
        return self._fetched / sha256(self.address.encode()).hexdigest()[:16]

    def _release(self) -> None:
        self._scanned = None

    def save(self, data: None) -> NoReturn:
        """Raw photos are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("The raw photo folder is read-only: give a node another output.")

    def _exists(self) -> bool:
        return self._is_elsewhere or self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": self.address,
            "train_table": self._train_table,
            **{f"group_{name}": value for name, value in self._groups.items()},
        }


def _state(path: Path) -> list[int]:
    """Give a file's size and when it, or who may read it, was changed.

    A link that leads nowhere has none of these.
    """
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
