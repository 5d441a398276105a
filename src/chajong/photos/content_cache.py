"""Work kept by content: Arrow shards that an interrupted run resumes from."""

from __future__ import annotations

import logging
from secrets import token_hex
from typing import TYPE_CHECKING

from chajong.manifest import DamagedError
from chajong.tables import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

logger = logging.getLogger(__name__)


class ContentCache:
    """Rows of one schema, each under a key that names the content it was made from.

    Rows are appended in shards, each an Arrow file of a name of its own that is complete or absent.
    Shards are mapped into memory, so a cache larger than memory can be read. Several processes may
    append at once: what both made is read once.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        """Open a cache, or start an empty one; shards that are damaged are removed.

        Args:
            folder: Where the shards are; made where it does not exist.
            schema: The columns. The first is the key, a string.

        Raises:
            ValueError: The folder holds shards of another schema.
        """
        self.folder = folder
        self.schema = schema
        self._shards: list[pa.Table] = []
        self._keys: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("shard-*.arrow")):
            if (shard := self._open(path)) is not None:
                self._take(shard)

    def append(self, rows: pa.Table) -> None:
        """Keep rows whose keys are new as one more shard.

        Args:
            rows: A table of the cache's schema.

        Raises:
            FullDiskError: The shard cannot be written; nothing of it stays behind.
            ValueError: The rows have another schema, or a key that is there already.
        """
        if not rows.schema.equals(self.schema):
            raise ValueError(f"The cache in {self.folder} holds {self.schema}, not {rows.schema}.")
        keys = set(_keys_of(rows))
        if len(keys) < len(rows) or keys & self._keys:
            raise ValueError(f"The cache in {self.folder} keeps every key once.")
        path = self.folder / f"shard-{self._next_number():05d}-{token_hex(4)}.arrow"
        write_table(rows, path)
        self._take(read_table(path))

    def table(self) -> pa.Table:
        """Give all rows, mapped into memory, in the order they were appended."""
        import pyarrow as pa

        return pa.concat_tables([self.schema.empty_table(), *self._shards])

    def shards(self) -> Iterator[pa.Table]:
        """Map one shard after another, so that no more than one of them is in memory."""
        for path in sorted(self.folder.glob("shard-*.arrow")):
            yield read_table(path)

    def keys(self) -> set[str]:
        """Give the keys of all rows."""
        return set(self._keys)

    def _open(self, path: Path) -> pa.Table | None:
        try:
            shard = read_table(path, "It is removed, and what it held is made again.")
        except DamagedError as error:
            logger.warning("%s", error)
            path.unlink()
            return None
        if not shard.schema.equals(self.schema):
            message = (
                f"{path} holds {shard.schema.names} where {self.schema.names} were expected: "
                "delete the folder (its contents are made again) or name another one."
            )
            raise ValueError(message)
        return shard

    def _take(self, shard: pa.Table) -> None:
        """Take the rows whose keys are new; only what two processes made is copied."""
        keys = _keys_of(shard)
        if self._keys.isdisjoint(keys):
            self._shards.append(shard)
        else:
            self._shards.append(shard.filter([key not in self._keys for key in keys]))
        self._keys.update(keys)

    def _next_number(self) -> int:
        paths = self.folder.glob("shard-*.arrow")
        return max((int(path.stem.split("-")[1]) for path in paths), default=-1) + 1


def _keys_of(rows: pa.Table) -> list[str]:
    return rows.column(0).to_pylist()  # type: ignore[no-any-return]
