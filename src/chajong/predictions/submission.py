"""The submission: one row per test photo, one probability column per class name, checked.

Two names of one car each get the merged probability of their effective class, never zero, and
each row is then divided by its sum. The challenge's metric divides by the row's sum itself, so
that the division leaves the score as it is while every row is a distribution that any other tool
accepts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from chajong.predictions.contract import Predictions
from chajong.predictions.metric import most_probable
from chajong.whole import whole_file

ID_COLUMN = "ID"
ENCODING = "utf-8-sig"


class SubmissionError(ValueError):
    """A submission that the challenge would refuse, or that cannot be meant."""


def build_submission(
    predictions: Predictions,
    effective_class_of: Mapping[str, str],
    columns: Sequence[str],
    ids: Sequence[str],
    prior: np.ndarray,
) -> pd.DataFrame:
    """Lay out test predictions as the challenge's submission.

    Args:
        predictions: One row per readable test photo.
        effective_class_of: The effective class of every class name, names in NFC.
        columns: The class columns of `sample_submission.csv` without `ID`, in its order and
            spelling.
        ids: The IDs of `sample_submission.csv`, in its order.
        prior: The class prior [effective classes], given to IDs that have no prediction.

    Returns:
        `ID` and the class columns, float64; each row sums to 1.

    Raises:
        SubmissionError: If a column is no known class, or a predicted photo is not among `ids`.
    """
    positions = _class_positions(predictions.class_names, effective_class_of, columns)
    photo_ids = pd.Index(predictions.rows["photo_id"])
    if not photo_ids.is_unique:
        raise SubmissionError("Test photos have several rows each: pool the fold models first.")
    unknown = photo_ids.difference(pd.Index(ids))
    if len(unknown):
        raise SubmissionError(
            f"{len(unknown)} predicted photos are not in the sample submission, the first is "
            f"{unknown[0]!r}: add them to it, or leave their photos out."
        )
    # The prior stands last, where the position -1 of an ID without a prediction points.
    effective = np.vstack([np.exp(predictions.log_probabilities.astype(np.float64)), prior])
    values = effective[photo_ids.get_indexer(pd.Index(ids))][:, positions]
    submission = pd.DataFrame(values / values.sum(axis=1, keepdims=True), columns=list(columns))
    submission.insert(0, ID_COLUMN, list(ids))
    return submission


def _class_positions(
    class_names: tuple[str, ...], effective_class_of: Mapping[str, str], columns: Sequence[str]
) -> np.ndarray:
    names = [unicodedata.normalize("NFC", column) for column in columns]
    positions = pd.Index(class_names).get_indexer(
        pd.Index([effective_class_of.get(name) for name in names], dtype=object)
    )
    unknown = [name for name, position in zip(names, positions, strict=True) if position < 0]
    if unknown:
        raise SubmissionError(
            f"{len(unknown)} columns of the sample submission are no known class, the first is "
            f"{unknown[0]!r}: correct the column, or add photos of that class."
        )
    return positions


def validate_submission(
    submission: pd.DataFrame, ids: Sequence[str], columns: Sequence[str]
) -> None:
    """Check a submission against `sample_submission.csv`.

    Args:
        submission: What is to be handed in.
        ids: The IDs the challenge wants, in its order.
        columns: The class columns the challenge wants, without `ID`, in its order.

    Raises:
        SubmissionError: If columns, IDs or their order differ, or a value is missing, no number
            or outside [0, 1], or a row or column is zero throughout.
    """
    _check_columns(list(submission.columns), [ID_COLUMN, *columns])
    _check_ids(submission[ID_COLUMN], ids)
    _check_values(submission[list(columns)], submission[ID_COLUMN].to_numpy())


def _check_columns(found: list[str], wanted: list[str]) -> None:
    if found == wanted:
        return
    missing = [column for column in wanted if column not in found]
    if missing:
        raise SubmissionError(
            f"The submission lacks {len(missing)} columns, the first is {missing[0]!r}: add them."
        )
    unknown = [column for column in found if column not in wanted]
    if unknown:
        raise SubmissionError(
            f"The submission has {len(unknown)} columns that the sample submission does not have, "
            f"the first is {unknown[0]!r}: remove them."
        )
    raise SubmissionError(
        "The submission's columns are not in the order of the sample submission, or one is there "
        "twice: use its order."
    )


def _check_ids(found: pd.Series[str], wanted: Sequence[str]) -> None:
    if len(found) != len(wanted):
        raise SubmissionError(
            f"The submission has {len(found)} rows and the sample submission {len(wanted)}: "
            "give one row per ID."
        )
    repeated = found[found.duplicated().to_numpy()]
    if len(repeated):
        raise SubmissionError(f"The ID {repeated.iloc[0]!r} occurs twice: give one row per ID.")
    unknown = sorted(set(found) - set(wanted))
    if unknown:
        raise SubmissionError(
            f"{len(unknown)} IDs are not in the sample submission, the first is {unknown[0]!r}: "
            "use its IDs."
        )
    if list(found) != list(wanted):
        raise SubmissionError(
            "The submission's IDs are not in the order of the sample submission: sort them so."
        )


def _check_values(values: pd.DataFrame, ids: np.ndarray) -> None:
    texts = [column for column in values if not pd.api.types.is_numeric_dtype(values[column])]
    if texts:
        raise SubmissionError(f"The column {texts[0]!r} holds text: it must hold probabilities.")
    numbers = values.to_numpy(dtype=np.float64)
    for wrong, what in (
        (np.isnan(numbers), "NaN"),
        ((numbers < 0) | (numbers > 1), "a value outside [0, 1]"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise SubmissionError(
                f"The submission has {what} ({numbers[row, column]}) for {ids[row]!r}, class "
                f"{values.columns[column]!r}: give a probability."
            )
    for axis, names, what in ((0, values.columns, "column"), (1, ids, "row")):
        zero = ~numbers.any(axis=axis)
        if zero.any():
            raise SubmissionError(
                f"The {what} {names[int(np.argmax(zero))]!r} is zero throughout: give it a "
                "probability (both names of one car get the merged probability)."
            )


def submission_csv(submission: pd.DataFrame) -> bytes:
    """Return the submission as CSV in UTF-8 with a BOM, floats with every digit they have."""
    return submission.to_csv(index=False, lineterminator="\n").encode(ENCODING)


def write_submission(submission: pd.DataFrame, path: Path) -> None:
    """Write `submission_csv` to a file, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(submission_csv(submission))


def read_submission(path: Path) -> pd.DataFrame:
    """Read a submission back: its IDs as text, and a cell that is no number as none."""
    table = pd.read_csv(path, encoding=ENCODING, dtype=str, keep_default_na=False)
    numbers = table.drop(columns=ID_COLUMN, errors="ignore").apply(pd.to_numeric, errors="coerce")
    return table.assign(**{column: numbers[column] for column in numbers})


def top_k_table(predictions: Predictions, k: int = 5) -> pd.DataFrame:
    """List the most probable classes of each photo.

    Args:
        predictions: One row per photo.
        k: How many classes to list; all of them where there are fewer.

    Returns:
        `photo_id`, `rank` (from 1), `name` (the effective class: of two names of one car the
        first) and `probability`, photos in their order and ranks ascending.
    """
    chosen = most_probable(predictions.log_probabilities, k)
    photos, width = chosen.shape
    values = np.take_along_axis(predictions.log_probabilities, chosen, axis=1)
    return pd.DataFrame(
        {
            "photo_id": predictions.rows["photo_id"].repeat(width).to_numpy(),
            "rank": np.tile(np.arange(1, width + 1), photos),
            "name": np.array(predictions.class_names, dtype=object)[chosen.ravel()],
            "probability": np.exp(values.astype(np.float64)).ravel(),
        }
    )
