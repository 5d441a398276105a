"""Work kept by content: Arrow shards that an interrupted run resumes from."""

from __future__ import annotations

import errno
import logging
import shutil
from typing import TYPE_CHECKING

from chajong.photos.arrow_file import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

logger = logging.getLogger(__name__)


class ContentCache:
    """Rows of one schema, each under a key that names the content it was made from.

    Rows are appended in shards, each an Arrow file that is complete or absent. Shards are mapped
    into memory, so a cache larger than memory can be read. One process writes at a time.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        """Open a cache, or start an empty one.

        What an interrupted run left unfinished, and shards that cannot be read, are removed.

        Args:
            folder: Where the shards are; made where it does not exist.
            schema: The columns. The first is the key, a string.

        Raises:
            ValueError: The folder holds shards of another schema.
        """
        self.folder = folder
        self.schema = schema
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("shard-*.arrow.unfinished"):
            logger.warning("Removing %s, which an interrupted run left behind.", unfinished)
            unfinished.unlink()
        found = (self._open(path) for path in sorted(folder.glob("shard-*.arrow")))
        self._shards = [shard for shard in found if shard is not None]
        self._keys = {key for shard in self._shards for key in _keys_of(shard)}

    def append(self, rows: pa.Table) -> None:
        """Keep rows whose keys are new as one more shard.

        Args:
            rows: A table of the cache's schema.

        Raises:
            OSError: The shard cannot be written; on a full disk the message says how much room
                there is and how much is needed. Nothing of the shard stays behind.
            ValueError: The rows have another schema, or a key that is there already.
        """
        if not rows.schema.equals(self.schema):
            raise ValueError(f"The cache in {self.folder} holds {self.schema}, not {rows.schema}.")
        keys = set(_keys_of(rows))
        if len(keys) < len(rows) or keys & self._keys:
            raise ValueError(f"The cache in {self.folder} keeps every key once.")
        path = self.folder / f"shard-{self._next_number():05d}.arrow"
        try:
            write_table(rows, path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise OSError(error.errno, self._full_disk_message(rows)) from error
        self._shards.append(read_table(path))
        self._keys |= keys

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
        import pyarrow as pa

        try:
            shard = read_table(path)
        except pa.ArrowInvalid as error:
            logger.warning("Removing %s, which cannot be read (%s).", path, error)
            path.unlink()
            return None
        if not shard.schema.equals(self.schema):
            message = (
                f"{path} holds {shard.schema.names} where {self.schema.names} were expected: "
                "delete the folder (its contents are made again) or name another one."
            )
            raise ValueError(message)
        return shard

    def _next_number(self) -> int:
        paths = self.folder.glob("shard-*.arrow")
        return max((int(path.stem.removeprefix("shard-")) for path in paths), default=-1) + 1

    def _full_disk_message(self, rows: pa.Table) -> str:
        free = shutil.disk_usage(self.folder).free
        return (
            f"The disk of {self.folder} is full: {free / 1e6:.1f} MB are free and the next shard "
            f"needs {rows.nbytes / 1e6:.1f} MB. Make room, or move data_dir to another disk, and "
            "run again: finished shards are kept"
        )


def _keys_of(rows: pa.Table) -> list[str]:
    return rows.column(0).to_pylist()  # type: ignore[no-any-return]
