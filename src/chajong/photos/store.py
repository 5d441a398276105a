"""Photos at training size, by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa


class PhotoStore:
    """JPEG bytes of every distinct readable photo, mapped from one or more Arrow files."""

    def __init__(self, table: pa.Table) -> None:
        """Index a table of photos; none of them is read.

        Args:
            table: Columns `sha256` (of the original file) and `jpeg` (large binary), and in the
                schema's metadata `preparation`, a key of how the photos were re-encoded.
        """
        self.table = table
        self._jpegs = table.column("jpeg")
        self._rows = {key: row for row, key in enumerate(table.column("sha256").to_pylist())}

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def preparation(self) -> str:
        """Key of how the photos were re-encoded; stores of one key hold the same bytes."""
        return str(self.table.schema.metadata[b"preparation"].decode())

    def keys(self) -> Collection[str]:
        """Give the sha-256 of every photo's original file."""
        return self._rows.keys()

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
        return photo
