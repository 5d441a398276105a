"""Features of photos from one frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Features:
    """One row of numbers a photo.

    Attributes:
        photo_ids: Photo of each row.
        matrix: float16 (float32 where float16 would overflow) of shape [photos, width].
        encoder: Key of the encoder, its weights and its preprocessing.
        content: Hash of the photo ids and the photos' contents, from `content_hash`.
    """

    photo_ids: tuple[str, ...]
    matrix: np.ndarray
    encoder: str
    content: str

    def __post_init__(self) -> None:
        """Check that rows and ids match.

        Raises:
            ValueError: They do not.
        """
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.photo_ids):
            message = f"{len(self.photo_ids)} photo ids for features of shape {self.matrix.shape}."
            raise ValueError(message)

    def rows(self, photo_ids: Iterable[str]) -> np.ndarray:
        """Gather features in the order of photos.

        Args:
            photo_ids: Photos, any of those that have features.

        Returns:
            float32 of shape [photos, width].

        Raises:
            KeyError: A photo has no features.
        """
        position = {photo_id: row for row, photo_id in enumerate(self.photo_ids)}
        wanted = list(photo_ids)
        if missing := [photo_id for photo_id in wanted if photo_id not in position]:
            message = f"{len(missing)} photos have no features, the first is {missing[0]!r}."
            raise KeyError(message)
        gathered: np.ndarray = self.matrix[[position[photo_id] for photo_id in wanted]]
        return gathered.astype(np.float32)


def content_hash(photo_ids: Sequence[str], contents: Sequence[str]) -> str:
    """Hash which photos a table is about, and what they show.

    Args:
        photo_ids: The photos, in any order.
        contents: sha-256 of each photo's file.

    Returns:
        A hexadecimal sha-256.
    """
    digest = sha256()
    for photo_id, content in sorted(zip(photo_ids, contents, strict=True)):
        digest.update(f"{photo_id}\0{content}\n".encode())
    return digest.hexdigest()


def content_of(photos: pd.DataFrame) -> str:
    """Give the `content_hash` of the readable photos of the `photos` table."""
    readable = photos[photos["status"] == "ok"]
    return content_hash(readable["photo_id"].tolist(), readable["sha256"].tolist())


def check_features(member: str, features: Features, photos: pd.DataFrame) -> None:
    """See that a member's features are of the present photos.

    Raises:
        ValueError: They are of others.
    """
    if features.content != content_of(photos):
        message = (
            f"The features of {member!r} are of other photos than there are now: make them anew "
            f"with `kedro run --namespaces {member}`."
        )
        raise ValueError(message)


def features_to_table(features: Features) -> pa.Table:
    """Turn features into an Arrow table with the keys in its schema's metadata."""
    import pyarrow as pa

    values = pa.array(np.ascontiguousarray(features.matrix).reshape(-1))
    width = features.matrix.shape[1]
    table = pa.table(
        {
            "photo_id": pa.array(features.photo_ids, pa.string()),
            "features": pa.FixedSizeListArray.from_arrays(values, width),
        }
    )
    return table.replace_schema_metadata({"encoder": features.encoder, "content": features.content})


def features_from_table(table: pa.Table) -> Features:
    """Read features back from `features_to_table`."""
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    return Features(
        photo_ids=tuple(table.column("photo_id").to_pylist()),
        matrix=matrix_of(table.column("features")),
        encoder=metadata["encoder"],
        content=metadata["content"],
    )


def matrix_of(column: pa.ChunkedArray) -> np.ndarray:
    """View a column of lists of one length as a matrix.

    Args:
        column: The lists.

    Returns:
        An array of shape [rows, length], of the column's own number type.
    """
    lists = column.combine_chunks()
    values: np.ndarray = lists.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(column), -1)
