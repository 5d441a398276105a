"""Probability tables that a teammate drops in, read as members of the ensemble."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd

from chajong.predictions.contract import (
    ROW_COLUMNS,
    Predictions,
    Split,
    contract_hash,
    effective_class_names,
    normalise_log,
)
from chajong.predictions.metric import SMALLEST_PROBABILITY
from chajong.slip import SlipError

ID_COLUMNS = ("photo_id", "ID")
EQUAL_TOLERANCE = 1e-9
SUM_TOLERANCE = 0.05
"""How far a row's sum may be from 1: probabilities of many classes are often rounded."""


class ExternalMemberError(SlipError, ValueError):
    """A teammate's table that cannot become a member of the ensemble."""


def read_external_member(
    frame: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photos: pd.DataFrame,
    name: str,
) -> Predictions:
    """Turn a teammate's table into predictions.

    The table has `photo_id` (or `ID`), optionally `split` and `fold`, and one column per class
    name of the submission or one per effective class. Any negative value makes it a table of
    natural log-probabilities, otherwise of probabilities. Columns of names of one car are merged:
    taken once where they are equal, since both then hold the merged probability, else summed.
    Probabilities below 1e-15 are raised to it and rows are normalised.

    Train rows must be out of fold, one per photo; a `fold` given for them must be the project's.
    A test or calibration row without a fold counts as made by every fold's model.

    Args:
        frame: The table, as loaded.
        classes: One row a class name, with `name` and `effective_class`.
        folds: One row a readable train photo, with `photo_id`, `fold` (-1: the calibration slice),
            `label_counts` and `group`.
        photos: Every photo, readable or not, with `photo_id`, `split` and `class_name`.
        name: The table's file name, for messages.

    Raises:
        ExternalMemberError: If the table has no row for a train photo, an unknown photo, a column
            too many or too few, a contradicting split or fold, NaN, no valid probabilities, or rows
            that do not sum to 1.
    """
    table = frame.rename(columns=lambda column: _nfc(str(column))).reset_index(drop=True)
    photo_ids = _photo_ids(table, name)
    fold_of = folds.set_index("photo_id")["fold"]
    test_ids = photos.loc[photos["split"] == "test", "photo_id"].tolist()
    splits = _splits(photo_ids, fold_of, test_ids, name)
    _check_split_column(table, splits, name)
    given = _class_scores(table, classes, name)
    scores = _effective_scores(given, classes)
    _check_sums(given.to_numpy(), scores, name)
    positions, row_folds = _expand_folds(table, photo_ids, splits, fold_of, name)
    counts = folds.set_index("photo_id")["label_counts"]
    rows = pd.DataFrame(
        {
            "photo_id": photo_ids[positions],
            "split": splits[positions],
            "fold": row_folds,
            "label_counts": counts.reindex(photo_ids[positions], fill_value=False).to_numpy(bool),
        }
    )
    _check_repeated(rows, name)
    return Predictions(
        rows=rows,
        log_probabilities=normalise_log(scores[positions]),
        class_names=effective_class_names(classes),
        contract=contract_hash(classes, folds, photos),
    )


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _photo_ids(table: pd.DataFrame, name: str) -> np.ndarray:
    column = next((column for column in ID_COLUMNS if column in table.columns), None)
    if column is None:
        raise ExternalMemberError(f"{name} has no column `photo_id` or `ID`: add one.")
    return np.array([_nfc(str(value)) for value in table[column]], dtype=object)


def _train_split(fold: int) -> Split:
    return "calibration" if fold < 0 else "train"


def _splits(
    photo_ids: np.ndarray, fold_of: pd.Series[int], test_ids: Sequence[str], name: str
) -> np.ndarray:
    """Return the split of each row, which the photo's id alone decides."""
    split_of = dict.fromkeys(test_ids, "test")
    split_of |= {str(photo): _train_split(fold) for photo, fold in fold_of.items()}
    unknown = [photo for photo in photo_ids if photo not in split_of]
    if unknown:
        raise ExternalMemberError(
            f"{name} has {len(unknown)} rows of unknown photos, the first is {unknown[0]!r}: "
            "name train photos by their path in the raw folder, such as "
            f"{next(iter(fold_of.index), '')!r}, and test photos by their ID."
        )
    missing = fold_of.index.difference(pd.Index(photo_ids))
    if len(missing) == len(fold_of):
        raise ExternalMemberError(
            f"{name} has test rows only and cannot be scored or weighed: add the out-of-fold rows "
            "of the train photos."
        )
    if len(missing):
        raise ExternalMemberError(
            f"{name} lacks {len(missing)} of {len(fold_of)} train photos, the first is "
            f"{missing[0]!r}: add their out-of-fold rows."
        )
    return np.array([split_of[photo] for photo in photo_ids], dtype=object)


def _check_split_column(table: pd.DataFrame, splits: np.ndarray, name: str) -> None:
    if "split" not in table.columns:
        return
    wrong = (table["split"].to_numpy() == "test") != (splits == "test")
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ExternalMemberError(
            f"{name}, row {row + 1}: split {table['split'].iloc[row]!r} contradicts the photo, "
            f"which is a {splits[row]} photo: correct it or drop the column."
        )


def _class_scores(table: pd.DataFrame, classes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table's class columns as finite log scores."""
    given = [column for column in table.columns if column not in {*ROW_COLUMNS, *ID_COLUMNS}]
    forms = list(classes["name"]), list(effective_class_names(classes))
    if all(set(given) != set(form) for form in forms):
        missing = [column for column in forms[1] if column not in given]
        unknown = [column for column in given if column not in forms[0]]
        raise ExternalMemberError(
            f"{name} needs one column for each of the {len(forms[0])} class names or of the "
            f"{len(forms[1])} effective classes, and none besides: it lacks {missing[:3]} and "
            f"has {unknown[:3]} too many."
        )
    texts = [column for column in given if not pd.api.types.is_numeric_dtype(table[column])]
    if texts:
        raise ExternalMemberError(f"{name}, column {texts[0]!r} holds text: give numbers.")
    return pd.DataFrame(_log_scores(table[given].to_numpy(np.float64), name), columns=given)


def _log_scores(values: np.ndarray, name: str) -> np.ndarray:
    is_log = bool((values < 0).any())
    upper = 1e-6 if is_log else 1 + 1e-6
    kind = "log-probabilities" if is_log else "probabilities"
    wrong = np.isnan(values) | (values > upper)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ExternalMemberError(
            f"{name}, row {row + 1} has the value {values[row, column]}: the table holds {kind}, "
            f"at most {int(not is_log)}, without gaps."
        )
    empty = (np.isneginf(values) if is_log else values == 0).all(axis=1)
    if empty.any():
        raise ExternalMemberError(
            f"{name}, row {int(np.argmax(empty)) + 1} gives every class the probability zero: "
            "give the photo a distribution."
        )
    floored: np.ndarray = (
        np.maximum(values, np.log(SMALLEST_PROBABILITY))
        if is_log
        else np.log(np.maximum(values, SMALLEST_PROBABILITY))
    )
    return floored


def _check_sums(given: np.ndarray, effective: np.ndarray, name: str) -> None:
    """Refuse rows whose probabilities sum to one neither over names nor over effective classes.

    A submission that holds one car's probability in both of its columns sums to one over names.
    """
    from scipy.special import logsumexp

    sums = [np.exp(logsumexp(scores, axis=1)) for scores in (given, effective)]
    wrong = np.all([np.abs(total - 1) > SUM_TOLERANCE for total in sums], axis=0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ExternalMemberError(
            f"{name}, row {row + 1}: the probabilities sum to {sums[0][row]:.3g}, not to 1 "
            f"({wrong.sum()} such rows): divide each row by its sum."
        )


def _effective_scores(scores: pd.DataFrame, classes: pd.DataFrame) -> np.ndarray:
    """Merge the columns of names of one car into [rows, effective classes]."""
    merged = []
    for _, names in classes.groupby("effective_class", sort=False)["name"]:
        columns = scores[[column for column in names if column in scores.columns]].to_numpy()
        first = columns[:, :1]
        equal = np.allclose(columns, first, rtol=0, atol=EQUAL_TOLERANCE)
        merged.append(first[:, 0] if equal else np.logaddexp.reduce(columns, axis=1))
    return np.column_stack(merged)


def _expand_folds(
    table: pd.DataFrame,
    photo_ids: np.ndarray,
    splits: np.ndarray,
    fold_of: pd.Series[int],
    name: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the position in the table and the fold of each row of the predictions."""
    all_folds = np.unique(fold_of[fold_of >= 0])
    given = _given_folds(table, name)
    own = fold_of.reindex(photo_ids).to_numpy(np.float64)
    train = splits == "train"
    has_fold = ~np.isnan(given)
    wrong = has_fold & np.where(train, given != own, ~np.isin(given, all_folds))
    if wrong.any():
        row = int(np.argmax(wrong))
        wanted = f"{own[row]:.0f}" if train[row] else f"one of {all_folds.tolist()}"
        raise ExternalMemberError(
            f"{name}, row {row + 1}: photo {photo_ids[row]!r} has fold {given[row]:.0f}, not "
            f"{wanted}: correct it, or drop the column if the rows are out of fold in other folds."
        )
    resolved = np.where(train, own, given)
    repeats = np.where(np.isnan(resolved), len(all_folds), 1)
    positions = np.repeat(np.arange(len(table)), repeats)
    row_folds = resolved[positions]
    row_folds[np.isnan(row_folds)] = np.tile(all_folds, int(np.isnan(resolved).sum()))
    return positions, row_folds.astype(np.int64)


def _given_folds(table: pd.DataFrame, name: str) -> np.ndarray:
    if "fold" not in table:
        return np.full(len(table), np.nan)
    if not pd.api.types.is_numeric_dtype(table["fold"]):
        raise ExternalMemberError(f"{name}, column 'fold' holds text: give numbers.")
    return table["fold"].to_numpy(np.float64)


def _check_repeated(rows: pd.DataFrame, name: str) -> None:
    repeated = rows.duplicated(["photo_id", "fold"]).to_numpy()
    if repeated.any():
        raise ExternalMemberError(
            f"{name} has several rows of photo {rows[repeated]['photo_id'].iloc[0]!r} for one "
            "fold: keep one of them."
        )
