"""Photos at training size, by content."""

from __future__ import annotations

import json
from mmap import MADV_DONTNEED
from typing import TYPE_CHECKING, Any

from chajong.tables import map_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from mmap import mmap
    from pathlib import Path

    import pyarrow as pa


KEPT_BYTES = 64_000_000
"""So much of a mapped file is read before its pages are let go of: they would grow with it."""


class PhotoStore:
    """JPEG bytes of every distinct readable photo, mapped from one or more Arrow files."""

    def __init__(
        self, table: pa.Table, file: Path | None = None, pages: mmap | None = None
    ) -> None:
        """Index a table of photos; none of them is read.

        Args:
            table: Columns `sha256` (of the original file) and `jpeg` (large binary), and in the
                schema's metadata `preparation`, a key of how the photos were re-encoded, and
                `settings`, the same as JSON.
            file: The file that the table is mapped from.
            pages: Its pages in memory.
        """
        self.table = table
        self._file = file
        self._pages = pages
        self._bytes_read = 0
        self._jpegs = table.column("jpeg")
        self._rows = {key: row for row, key in enumerate(table.column("sha256").to_pylist())}

    def __reduce__(self) -> tuple[Callable[..., PhotoStore], tuple[Any, ...]]:
        """Let another process map the file rather than be sent the photos."""
        if self._file is None:
            return PhotoStore, (self.table,)
        return open_photo_store, (self._file,)

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def preparation(self) -> str:
        """Key of how the photos were re-encoded; stores of one key hold the same bytes."""
        return str(self.table.schema.metadata[b"preparation"].decode())

    @property
    def settings(self) -> dict[str, Any]:
        """How the photos were re-encoded, the fields of `StoreSettings`."""
        settings: dict[str, Any] = json.loads(self.table.schema.metadata[b"settings"])
        return settings

    def keys(self) -> Collection[str]:
        """Give the sha-256 of every photo's original file."""
        return self._rows.keys()

    def only(self, contents: Sequence[str]) -> PhotoStore:
        """Copy some photos into memory, to be sent to another machine.

        Args:
            contents: sha-256 of each, in the order that they are kept in.
        """
        import pyarrow as pa

        jpegs = pa.array([self.jpeg(content) for content in contents], pa.large_binary())
        table = pa.table({"sha256": pa.array(contents, pa.string()), "jpeg": jpegs})
        return PhotoStore(table.replace_schema_metadata(self.table.schema.metadata))

    def jpeg(self, sha256: str) -> bytes:
        """Read one photo.

        Args:
            sha256: Of the original file, as in the `photos` table.

        Returns:
            An upright RGB JPEG.

        Raises:
            KeyError: The store has no such photo.
        """
        photo: bytes = self._jpegs[self._rows[sha256]].as_py()
        self._bytes_read += len(photo)
        if self._pages is not None and self._bytes_read > KEPT_BYTES:
            self._bytes_read = 0
            self._pages.madvise(MADV_DONTNEED)
        return photo


def open_photo_store(file: Path) -> PhotoStore:
    """Map a store's Arrow file into memory; photos are read when asked for."""
    table, pages = map_table(file)
    return PhotoStore(table, file, pages)
