"""What a person decided about doubtful labels, checked and put into the table of photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chajong.photos.raw_tables import nfc
from chajong.slip import SlipError
from chajong.tables import as_named

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np

REVIEW_COLUMNS = ("photo_id", "verdict", "new_label")

VERDICTS = ("keep", "drop", "relabel", "not a car")
"""The label is right; the label is not to be used; the label is another; there is no car."""

_SHOWN = 3


class ReviewError(SlipError, ValueError):
    """A review that cannot be honoured; the message names the file, the row and the fix."""


def read_review(
    table: pd.DataFrame, photos: pd.DataFrame, class_names: Sequence[str], file: str
) -> pd.DataFrame:
    """Check a person's verdicts on labels.

    Spaces around values are ignored, the case of verdicts too, and names may be in any Unicode
    form. A row without a verdict is one that nobody has looked at yet.

    Args:
        table: As loaded: the columns `REVIEW_COLUMNS` as text, and any others. Bytes that are not
            UTF-8 are Unicode's replacement character.
        photos: The photos that may be reviewed, readable or not, with the columns photo_id (in
            NFC) and split.
        class_names: What `new_label` may be, in NFC.
        file: Where the table comes from, for messages.

    Returns:
        One row a reviewed photo: photo_id, verdict (one of `VERDICTS`) and new_label ("" but for
        "relabel").

    Raises:
        ReviewError: A column is missing, or a row is not in UTF-8, names an unknown photo, a test
            photo, an unknown verdict or class, gives a new label where none belongs or none where
            one does, or contradicts an earlier row.
    """
    _check_columns(table, file)
    split_of = dict(zip(photos["photo_id"], photos["split"], strict=True))
    names = set(class_names)
    decided: dict[str, tuple[str, str]] = {}
    values = zip(*(table[column] for column in REVIEW_COLUMNS), strict=True)
    # The first row of the file is its header.
    for number, row in enumerate(values, start=2):
        photo, verdict, new_label = (nfc(as_named(value.strip())) for value in row)
        if not (verdict := verdict.lower()):
            continue
        place = f"{file}, row {number}"
        _check_encoding(row, place)
        _check_photo(photo, split_of, place)
        _check_verdict(verdict, new_label, names, place)
        if decided.setdefault(photo, (verdict, new_label)) != (verdict, new_label):
            message = (
                f"{place}: the photo {photo!r} is {_worded(verdict, new_label)} here and "
                f"{_worded(*decided[photo])} in an earlier row: keep one of them."
            )
            raise ReviewError(message)
    rows = [(photo, *decision) for photo, decision in decided.items()]
    return pd.DataFrame(rows, columns=list(REVIEW_COLUMNS), dtype="str")


def apply_review(photos: pd.DataFrame, review: pd.DataFrame) -> pd.DataFrame:
    """Write verdicts and new labels into a table of photos.

    Args:
        photos: With the columns photo_id and class_name.
        review: From `read_review`.

    Returns:
        The same rows, with the new label as `class_name` of relabelled photos and a text column
        `verdict`, "" where a photo was not reviewed.
    """
    decisions = review.set_index("photo_id").reindex(photos["photo_id"], fill_value="")
    verdicts, new_labels = (decisions[name].to_numpy() for name in ("verdict", "new_label"))
    return photos.assign(
        class_name=photos["class_name"].mask(verdicts == "relabel", new_labels),
        verdict=pd.Series(verdicts, photos.index, dtype="str"),
    )


def trusted_labels(verdicts: pd.Series[str], trusted: np.ndarray) -> np.ndarray:
    """Say which labels are trained on and scored, after a person's verdicts.

    Args:
        verdicts: One a photo, "" where it was not reviewed.
        trusted: Whether the label would count without a verdict, bool of shape [photos].

    Returns:
        The same, but that "keep" lets a label count, and "drop" and "not a car" do not.
    """
    kept = (verdicts == "keep").to_numpy(bool)
    out = verdicts.isin(["drop", "not a car"]).to_numpy(bool)
    decided: np.ndarray = (trusted | kept) & ~out
    return decided


def _check_columns(table: pd.DataFrame, file: str) -> None:
    for column in REVIEW_COLUMNS:
        if column not in table.columns:
            found = ", ".join(map(repr, table.columns))
            message = f"{file} has no column {column!r}, only {found}: add it."
            raise ReviewError(message)


def _check_encoding(row: Sequence[str], place: str) -> None:
    for value in row:
        if "\N{REPLACEMENT CHARACTER}" in value:
            message = f"{place}: {value!r} is not in UTF-8: save the file as a CSV in UTF-8."
            raise ReviewError(message)


def _check_photo(photo: str, split_of: dict[str, str], place: str) -> None:
    if photo not in split_of:
        message = (
            f"{place}: there is no photo {photo!r}.{_nearest(photo, split_of)} Write photo_id as "
            "the audit and the photo table do, or remove the row."
        )
        raise ReviewError(message)
    if split_of[photo] == "test":
        message = (
            f"{place}: {photo!r} is a test photo, which has no label to review: remove the row."
        )
        raise ReviewError(message)


def _check_verdict(verdict: str, new_label: str, names: Collection[str], place: str) -> None:
    if verdict not in VERDICTS:
        choices = ", ".join(map(repr, VERDICTS))
        message = (
            f"{place}: {verdict!r} is no verdict: use one of {choices}, or leave it empty where "
            "the photo was not looked at."
        )
        raise ReviewError(message)
    if verdict != "relabel" and new_label:
        message = (
            f"{place}: the verdict {verdict!r} has the new label {new_label!r}: remove it, or "
            "make the verdict 'relabel'."
        )
        raise ReviewError(message)
    if verdict == "relabel" and not new_label:
        message = f"{place}: the verdict 'relabel' has no new_label: write the right class there."
        raise ReviewError(message)
    if new_label and new_label not in names:
        message = (
            f"{place}: {new_label!r} is no class.{_nearest(new_label, names)} Write new_label as "
            "the columns of the submission do."
        )
        raise ReviewError(message)


def _worded(verdict: str, new_label: str) -> str:
    return f"{verdict!r} as {new_label!r}" if new_label else repr(verdict)


def _nearest(value: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(value, known, _SHOWN, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
