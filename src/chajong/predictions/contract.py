"""The contract every approach ends in: log-probabilities of photos, made out of fold.

A train photo has one row, made by the fold model that did not see it. A photo of the calibration
slice, which no fold's model trained on, and a test photo have one row for each fold's model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from chajong.photos.table import readable_photos
from chajong.tables import read_parquet, write_parquet

Split = Literal["train", "calibration", "test"]

ROW_COLUMNS = ("photo_id", "split", "fold", "label_counts")
SPLITS: tuple[Split, ...] = ("train", "calibration", "test")
POOLED_FOLD = -1
"""The `fold` of a row that is the mean over fold models."""

FORMAT_VERSION = "1"
CONTRACT_KEY = b"chajong.contract"
VERSION_KEY = b"chajong.version"
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Predictions:
    """Normalised class log-probabilities of photos.

    Attributes:
        rows: One row a prediction with `photo_id` (str), `split` ("train", "calibration" or
            "test"), `fold` (int, the fold whose model made the row, or `POOLED_FOLD`) and
            `label_counts` (bool, whether the photo's label counts for scoring).
        log_probabilities: float32 [rows, classes], natural logarithms, each row a distribution.
        class_names: The effective classes, in the order of the columns.
        contract: The `contract_hash` of the photos, classes and folds the rows were made with.

    Raises:
        ValueError: If the parts do not fit together or a row is not a distribution.
    """

    rows: pd.DataFrame
    log_probabilities: np.ndarray
    class_names: tuple[str, ...]
    contract: str

    def __post_init__(self) -> None:
        _check_rows(self.rows)
        _check_class_names(self.class_names)
        _check_log_probabilities(
            self.log_probabilities, (len(self.rows), len(self.class_names)), self.rows
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the row columns followed by one float32 column per effective class."""
        values = pd.DataFrame(self.log_probabilities, columns=list(self.class_names))
        return pd.concat([self.rows.reset_index(drop=True), values], axis=1)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, contract: str) -> Predictions:
        """Rebuild predictions from `to_frame`'s layout.

        Raises:
            ValueError: If a row column is missing or the values are not distributions.
        """
        missing = [column for column in ROW_COLUMNS if column not in frame.columns]
        if missing:
            raise ValueError(f"The predictions lack the columns {missing}: add them.")
        class_names = tuple(column for column in frame.columns if column not in ROW_COLUMNS)
        return cls(
            rows=frame[list(ROW_COLUMNS)].reset_index(drop=True),
            log_probabilities=frame[list(class_names)].to_numpy(dtype=np.float32),
            class_names=class_names,
            contract=contract,
        )

    def take(self, positions: np.ndarray) -> Predictions:
        """Return the rows at `positions` (integers or a mask), in that order."""
        return Predictions(
            rows=self.rows.iloc[positions].reset_index(drop=True),
            log_probabilities=self.log_probabilities[positions],
            class_names=self.class_names,
            contract=self.contract,
        )


def _check_rows(rows: pd.DataFrame) -> None:
    if tuple(rows.columns) != ROW_COLUMNS:
        raise ValueError(
            f"Prediction rows need the columns {list(ROW_COLUMNS)}, not {list(rows.columns)}."
        )
    if not pd.api.types.is_integer_dtype(rows["fold"]):
        raise ValueError(f"`fold` must be an integer, not {rows['fold'].dtype}.")
    if not pd.api.types.is_bool_dtype(rows["label_counts"]):
        raise ValueError(f"`label_counts` must be a bool, not {rows['label_counts'].dtype}.")
    unknown = sorted(set(rows["split"]) - set(SPLITS))
    if unknown:
        raise ValueError(f"Unknown split {unknown[0]!r}: use one of {list(SPLITS)}.")
    _check_unique(rows, ["photo_id", "split", "fold"])
    _check_unique(rows[rows["split"] == "train"], ["photo_id"])


def _check_unique(rows: pd.DataFrame, columns: list[str]) -> None:
    repeated = rows.duplicated(columns).to_numpy()
    if repeated.any():
        first = rows[repeated].iloc[0]
        raise ValueError(
            f"Photo {first['photo_id']!r} has more than one {first['split']} row for one "
            f"{' and '.join(columns)} ({repeated.sum()} rows too many): keep one of them."
        )


def _check_class_names(class_names: tuple[str, ...]) -> None:
    if len(set(class_names)) != len(class_names):
        raise ValueError("The effective class names of predictions must differ from one another.")
    taken = [name for name in class_names if name in ROW_COLUMNS]
    if taken:
        raise ValueError(
            f"A class cannot be named {taken[0]!r}, which is a column of the predictions: "
            "rename the class."
        )


def _check_log_probabilities(
    values: np.ndarray, shape: tuple[int, int], rows: pd.DataFrame
) -> None:
    if values.shape != shape:
        raise ValueError(f"Log-probabilities of shape {shape} are needed, not {values.shape}.")
    if values.dtype != np.float32:
        raise ValueError(f"Log-probabilities must be float32, not {values.dtype}.")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        photo = rows["photo_id"].iloc[int(np.argmin(finite))]
        raise ValueError(f"The log-probabilities of photo {photo!r} are not all finite.")
    off = np.abs(np.exp(values).sum(axis=1, dtype=np.float64) - 1)
    if (off > SUM_TOLERANCE).any():
        worst = int(np.argmax(off))
        raise ValueError(
            f"The probabilities of photo {rows['photo_id'].iloc[worst]!r} differ from a sum of 1 "
            f"by {off[worst]:.3g}: normalise each row."
        )


def effective_class_names(classes: pd.DataFrame) -> tuple[str, ...]:
    """Return the effective classes in the order in which `classes` first names them.

    Args:
        classes: One row a class name of the submission, with `name` and `effective_class`.
    """
    return tuple(classes["effective_class"].drop_duplicates())


def training_contract(classes: pd.DataFrame, folds: pd.DataFrame, photos: pd.DataFrame) -> str:
    """Return the hash of all that a fold's model can learn from: classes, folds, labels, photos.

    Args:
        classes: One row a class name, with `name` and `effective_class`; the order of classes
            counts.
        folds: One row a readable train photo, with `photo_id`, `fold`, `label_counts`, `group`
            and `encoder`; the order of rows does not count.
        photos: One row a photo, with `photo_id`, `class_name` and `sha256`; those of `folds`
            count.

    Returns:
        The SHA-256, in hexadecimal digits.
    """
    ordered = folds.sort_values("photo_id")
    shown = photos.set_index("photo_id").loc[ordered["photo_id"]]
    effective_class_of = dict(zip(classes["name"], classes["effective_class"], strict=True))
    return _hash_of(
        list(effective_class_names(classes)),
        ordered["photo_id"].astype(str).tolist(),
        ordered["fold"].astype(int).tolist(),
        ordered["label_counts"].astype(bool).tolist(),
        ordered["group"].astype(str).tolist(),
        sorted(set(ordered["encoder"])),
        [effective_class_of[name] for name in shown["class_name"]],
        shown["sha256"].tolist(),
    )


def contract_hash(classes: pd.DataFrame, folds: pd.DataFrame, photos: pd.DataFrame) -> str:
    """Return the hash that tells whether predictions belong to the present photos and labels.

    Args:
        classes: As for `training_contract`.
        folds: The same.
        photos: The same, with `split` and `status`; the readable test photos count too, in any
            order.

    Returns:
        The SHA-256, in hexadecimal digits, of all that a row of predictions depends on besides its
        model: what that model could learn from, and what each test photo shows.
    """
    test = readable_photos(photos, "test")
    shown = sorted(zip(test["photo_id"].astype(str), test["sha256"], strict=True))
    return _hash_of(training_contract(classes, folds, photos), shown)


def _hash_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def stale(member: str) -> str:
    """Say of a member of another contract why it counts for nothing, and what makes it anew."""
    return (
        "made with other photos, classes, folds or labels than there are now: make it anew with "
        f"`kedro run --namespaces {member}`"
    )


def normalise_log(scores: np.ndarray) -> np.ndarray:
    """Return float32 log-probabilities [rows, classes] of unnormalised log scores."""
    from scipy.special import log_softmax

    normalised: np.ndarray = log_softmax(scores.astype(np.float64), axis=1)
    return normalised.astype(np.float32)


def split_rows(predictions: Predictions, split: Split) -> Predictions:
    """Return the rows of one split, in their order."""
    return predictions.take((predictions.rows["split"] == split).to_numpy())


def train_rows(predictions: Predictions) -> Predictions:
    """Return the out-of-fold rows of the train photos, one per photo."""
    return split_rows(predictions, "train")


def pool_fold_models(predictions: Predictions, split: Split) -> Predictions:
    """Average the fold models' rows of one split.

    Returns:
        One row per photo, in the order of first appearance, with the renormalised mean
        log-probability (the logarithmic opinion pool of Genest and Zidek, 1986, with equal
        weights) and `POOLED_FOLD` as its fold.
    """
    chosen = split_rows(predictions, split)
    codes, _ = pd.factorize(chosen.rows["photo_id"])
    first = ~chosen.rows["photo_id"].duplicated().to_numpy()
    sums = np.zeros((int(first.sum()), len(chosen.class_names)))
    folds = chosen.rows["fold"].to_numpy()
    for fold in np.unique(folds):
        # A photo has at most one row per fold, so that no index repeats in this addition.
        sums[codes[folds == fold]] += chosen.log_probabilities[folds == fold]
    return Predictions(
        rows=chosen.rows[first].assign(fold=POOLED_FOLD).reset_index(drop=True),
        log_probabilities=normalise_log(sums / np.bincount(codes, minlength=len(sums))[:, None]),
        class_names=chosen.class_names,
        contract=chosen.contract,
    )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions as Parquet, whole or not at all; the contract is in its metadata."""
    import pyarrow as pa

    table = pa.Table.from_pandas(predictions.to_frame(), preserve_index=False)
    metadata = {
        **table.schema.metadata,
        CONTRACT_KEY: predictions.contract.encode(),
        VERSION_KEY: FORMAT_VERSION.encode(),
    }
    write_parquet(table.replace_schema_metadata(metadata), path, ["photo_id", "split"])


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        ValueError: If the file is a Parquet file of another kind or version, or damaged.
    """
    table = read_parquet(path)
    metadata: dict[bytes, Any] = table.schema.metadata or {}
    version = metadata.get(VERSION_KEY, b"none").decode()
    if version != FORMAT_VERSION or CONTRACT_KEY not in metadata:
        raise ValueError(
            f"{path} holds predictions of version {version}, not {FORMAT_VERSION}: delete it and "
            "run the pipeline that makes it again."
        )
    return Predictions.from_frame(table.to_pandas(), metadata[CONTRACT_KEY].decode())
