"""Which known photos a search may answer with."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from chajong.slip import SlipError

if TYPE_CHECKING:
    import pandas as pd


class SearchError(SlipError, ValueError):
    """A search that cannot be made; the message says why in plain words."""


@dataclass(frozen=True)
class Filter:
    """What a photo's model must be.

    Attributes:
        makers: One of these makers; any where none is given.
        models: One of these classes; any where none is given.
        first_year: Made in this year or later.
        last_year: Made in this year or earlier.
    """

    makers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    first_year: int | None = None
    last_year: int | None = None


def allowed_photos(photos: pd.DataFrame, wanted: Filter) -> np.ndarray | None:
    """Say which photos a filter lets through.

    A model without a first or last year may have been made in any year before or after.

    Args:
        photos: `class_name`, `maker`, `first_year` and `last_year` of each photo.
        wanted: The filter.

    Returns:
        bool [photos]; None where every photo may match.

    Raises:
        SearchError: A maker or class does not occur, or the years are the wrong way round.
    """
    if wanted == Filter():
        return None
    if wanted.first_year and wanted.last_year and wanted.first_year > wanted.last_year:
        years = f"{wanted.first_year} to {wanted.last_year}"
        raise SearchError(f"The years {years} are the wrong way round: give the earlier first.")
    allowed = np.ones(len(photos), bool)
    for column, values in (("maker", wanted.makers), ("class_name", wanted.models)):
        if values:
            _check_known(column, values, photos[column])
            allowed &= photos[column].isin(values).to_numpy(bool)
    if wanted.first_year is not None:
        last = photos["last_year"]
        allowed &= (last.isna() | (last >= wanted.first_year).fillna(value=True)).to_numpy(bool)
    if wanted.last_year is not None:
        first = photos["first_year"]
        allowed &= (first.isna() | (first <= wanted.last_year).fillna(value=True)).to_numpy(bool)
    return allowed


def _check_known(column: str, values: tuple[str, ...], known: pd.Series[str]) -> None:
    present = sorted(known.dropna().unique())
    for value in values:
        if value not in present:
            close = get_close_matches(value, present, n=3, cutoff=0.4)
            hint = f" Did you mean {', '.join(close)}?" if close else ""
            kind = "maker" if column == "maker" else "model"
            raise SearchError(f"No known photo is of the {kind} {value!r}.{hint}")
