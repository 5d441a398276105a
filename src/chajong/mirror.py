"""Results of a run at a second place, on S3 or GCS or wherever fsspec reaches.

What says that a file or folder is whole comes last, and is taken away first: a copy that was cut
off, or is being replaced, is not there for those who fetch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from chajong.datasets.local import LocalDataset
from chajong.datasets.optional import OptionalDataset
from chajong.inside import inside
from chajong.manifest import (
    MANIFEST,
    DamagedError,
    check_folder,
    files_of_manifest,
    fingerprint,
    note_of,
)
from chajong.whole import whole_file, whole_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fsspec import AbstractFileSystem
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

logger = logging.getLogger(__name__)

CURE = "Remove it there; a run with the same `mirror` that makes it anew puts it back."


@dataclass(frozen=True)
class Mirror:
    """A second place for what runs write.

    Attributes:
        folder: What runs write to, the `data_dir`.
        address: Where its copies are, as fsspec names it: ``s3://bucket/results``.
    """

    folder: Path
    address: str

    def publish(self, dataset: object) -> None:
        """Copy what a dataset has just saved, where it lies in the folder.

        Raises:
            OSError: The place cannot be written to.
        """
        for path in self._paths(dataset):
            publish(path, self._address_of(path))

    def publish_missing(self, names: Iterable[str], catalog: DataCatalog) -> None:
        """Copy what a run left as it was, where the second place does not have it.

        Args:
            names: Of its datasets.
            catalog: Where they are.

        Raises:
            OSError: The place cannot be written to.
        """
        for name in sorted(names):
            for path in self._paths(catalog.get(name)):
                address = self._address_of(path)
                files, top = _opened(address)
                if not files.exists(top):
                    publish(path, address)

    def _paths(self, dataset: object) -> list[Path]:
        """Say where a dataset lies in the folder."""
        stored = _local(dataset)
        if stored is None or not stored.exists():  # what a node left out this time
            return []
        path = stored.stored
        both = {path, path.with_suffix(stored.filepath.suffix)}  # a table is a CSV, too
        return [each for each in both if each.is_relative_to(self.folder)]

    def fetch_missing(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Fetch what a run reads of earlier ones and this machine lacks; of versions the latest.

        Raises:
            DamagedError: A copy is not what was published.
            OSError: The place cannot be read.
        """
        for name in sorted(pipeline.inputs()):
            stored = _local(catalog.get(name))
            if stored is None or stored.exists() or not stored.filepath.is_relative_to(self.folder):
                continue
            for path in self._candidates(stored):
                if fetch(self._address_of(path), path):
                    logger.info("%s was fetched from %s.", name, self.address)
                    break

    def _candidates(self, stored: LocalDataset[Any, Any]) -> list[Path]:
        """Say where a dataset can lie, the latest version first."""
        path = stored.filepath
        if not stored.is_versioned:
            return [stored.stored]
        files, top = _opened(self._address_of(path))
        found = files.ls(top, detail=False) if files.isdir(top) else []
        versions = sorted((each.rstrip("/").rsplit("/", 1)[1] for each in found), reverse=True)
        return [inside(path, version) / path.name for version in versions]

    def _address_of(self, path: Path) -> str:
        return f"{self.address.rstrip('/')}/{path.relative_to(self.folder).as_posix()}"


def publish(path: Path, address: str) -> None:
    """Copy a file or folder to an address, whole or not at all for those who fetch it.

    Args:
        path: Written by `whole_file` or `whole_folder`.
        address: As fsspec names it.

    Raises:
        OSError: It cannot be written there.
    """
    if path.is_dir() and not (path / MANIFEST).exists():  # a folder for each fold, each whole
        for part in path.iterdir():
            publish(part, f"{address}/{part.name}")
        return
    files, top = _opened(address)
    if not path.is_dir():
        names, note = {path: top}, str(note_of(PurePosixPath(top)))
        sealed = "sealed" if note_of(path).exists() else "not sealed"
        whole = f"{fingerprint(path)}\n{sealed}\n".encode()
    else:
        note, whole = f"{top}/{MANIFEST}", (path / MANIFEST).read_bytes()
        listed = files_of_manifest(path, CURE)
        names = {path / name: f"{top}/{name}" for name in listed}
    if files.exists(note):
        files.rm_file(note)
    files.put([str(each) for each in names], list(names.values()))
    files.pipe_file(note, whole)


def fetch(address: str, path: Path) -> bool:
    """Copy what `publish` put at an address.

    Args:
        address: As fsspec names it.
        path: Where it goes, whole or not at all.

    Returns:
        Whether there was something whole.

    Raises:
        DamagedError: It is not what was published.
        FullDiskError: There is no room.
        OSError: It cannot be read.
    """
    files, top = _opened(address)
    if files.isfile(f"{top}/{MANIFEST}"):
        with whole_folder(path, sealed=False) as unfinished:
            files.get_file(f"{top}/{MANIFEST}", str(unfinished / MANIFEST))
            names = list(files_of_manifest(unfinished, CURE))
            places = [inside(unfinished, name) for name in names]
            for place in places:
                place.parent.mkdir(parents=True, exist_ok=True)
            files.get([f"{top}/{name}" for name in names], [str(place) for place in places])
            check_folder(unfinished, CURE)
        return True
    note = str(note_of(PurePosixPath(top)))
    if not files.isfile(top) or not files.isfile(note):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    written, sealed = files.cat_file(note).decode().splitlines()
    with whole_file(path, sealed=sealed == "sealed") as unfinished:
        files.get_file(top, str(unfinished))
        if fingerprint(unfinished) != written:
            raise DamagedError(f"{address} is not what was published. {CURE}")
    return True


def _opened(address: str) -> tuple[AbstractFileSystem, str]:
    import fsspec

    # Others publish while this process runs.
    return fsspec.url_to_fs(address, use_listings_cache=False)  # type: ignore[no-any-return]


def _local(dataset: object) -> LocalDataset[Any, Any] | None:
    wrapped = dataset.wrapped if isinstance(dataset, OptionalDataset) else dataset
    return wrapped if isinstance(wrapped, LocalDataset) else None
