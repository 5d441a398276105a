"""Selections of the `photos` table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


def readable_photos(photos: pd.DataFrame, split: Literal["train", "test"]) -> pd.DataFrame:
    """Give the readable photos of one split, in the table's order, numbered from zero."""
    chosen = (photos["status"] == "ok") & (photos["split"] == split)
    return photos[chosen].reset_index(drop=True)
