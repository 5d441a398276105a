"""Answers about photos: one row a photo in the order asked, bad ones marked and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np
import pandas as pd

from chajong.predictions.contract import normalise_log
from chajong.slip import SlipError
from chajong.tables import as_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chajong.inference.new_photos import NewPhotos

PHOTO_COLUMNS = ("photo", "vehicle", "status", "reason")


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier says about photos, or about vehicles of several photos.

    Attributes:
        rows: One row a photo, in the order asked: `photo`, `vehicle` (empty where it is not
            known), `status` ("ok", or "unreadable") and `reason` (empty where it is ok).
        log_probabilities: float32 [photos, classes]; of a bad photo those of the class prior.
        class_names: The effective classes, in order.
        english_names: Their English renderings.
    """

    rows: pd.DataFrame
    log_probabilities: np.ndarray
    class_names: tuple[str, ...]
    english_names: tuple[str, ...]

    def top(self, count: int) -> pd.DataFrame:
        """List the most probable classes.

        Args:
            count: Classes a photo; all where there are fewer.

        Returns:
            One row a photo and rank: the columns of `rows`, then `rank` (from 1), `class_name`,
            `english` and `probability`.
        """
        count = min(count, len(self.class_names))
        # Names in their order where probabilities are equal, the same on every machine.
        order = np.argsort(-self.log_probabilities, axis=1, kind="stable")[:, :count]
        repeated = self.rows.loc[self.rows.index.repeat(count)].reset_index(drop=True)
        chosen = np.take_along_axis(self.log_probabilities, order, axis=1)
        return repeated.assign(
            rank=np.tile(np.arange(1, count + 1), len(self.rows)),
            class_name=np.array(self.class_names, object)[order.ravel()],
            english=np.array(self.english_names, object)[order.ravel()],
            probability=np.exp(chosen.ravel().astype(np.float64)),
        )

    def wide(self) -> pd.DataFrame:
        """Give the columns of `rows` and one column of probabilities (float32) a class."""
        values = pd.DataFrame(np.exp(self.log_probabilities), columns=list(self.class_names))
        return pd.concat([self.rows, values], axis=1)

    def by_vehicle(self) -> Answers:
        """Pool the photos of each vehicle.

        The answer is the renormalised mean log-probability of the vehicle's readable photos: the
        logarithmic pool of Genest and Zidek (1986) with equal weights. Photos of one vehicle err
        alike, so that it is not made surer than they are on average, as multiplying their
        probabilities would. A photo whose vehicle is not known is a vehicle of its own.

        Returns:
            One row a vehicle, in order of first appearance: `photo` names its photos, joined by
            `; `; `status` is ok where one photo of it could be read; `reason` says which could
            not.
        """
        codes = _vehicle_numbers(self.rows["vehicle"])
        rows, pooled = [], []
        for code in range(codes.max(initial=-1) + 1):
            members = np.flatnonzero(codes == code)
            rows.append(_vehicle_row(self.rows.iloc[members]))
            readable = members[(self.rows["status"].iloc[members] == "ok").to_numpy()]
            used = readable if len(readable) else members[:1]
            pooled.append(self.log_probabilities[used].mean(axis=0, dtype=np.float64))
        values = normalise_log(np.array(pooled).reshape(-1, len(self.class_names)))
        return replace(
            self, rows=pd.DataFrame(rows, columns=list(PHOTO_COLUMNS)), log_probabilities=values
        )

    def with_prior(self, training: np.ndarray, prior: np.ndarray) -> Answers:
        """Answer as if classes were as frequent as given, not as in training.

        Source: Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a
        Priori Probabilities (Neural Computation, 2002).

        Args:
            training: [classes], how frequent classes were in training, positive.
            prior: [classes], how frequent they are where the photos come from; a class of
                probability 0 is never answered.
        """
        with np.errstate(divide="ignore"):
            change = np.log(prior) - np.log(training)
        # float32's smallest exponent stands for zero, so that a row stays finite.
        moved = np.maximum(self.log_probabilities + change, _IMPOSSIBLE)
        return replace(self, log_probabilities=normalise_log(moved))


_IMPOSSIBLE = -1e4


def answers_of(
    photos: NewPhotos,
    log_probabilities: np.ndarray,
    prior: np.ndarray,
    classes: pd.DataFrame,
) -> Answers:
    """Set the answers about readable photos among those about bad ones.

    Args:
        photos: What was asked about.
        log_probabilities: float32 [readable photos, classes].
        prior: float64 [classes], for bad photos.
        classes: The `classes` table.
    """
    rows = pd.DataFrame(
        {
            "photo": [file.name for file in photos.files],
            "vehicle": [file.vehicle or "" for file in photos.files],
            "status": [photo.status for photo in photos.prepared],
            "reason": [photo.reason or "" for photo in photos.prepared],
        },
        columns=list(PHOTO_COLUMNS),
    )
    values = np.tile(np.log(prior).astype(np.float32), (len(rows), 1))
    values[photos.readable] = log_probabilities
    named = classes.drop_duplicates("effective_class").sort_values("effective_id")
    return Answers(rows, values, tuple(named["effective_class"]), tuple(named["english"]))


def join_answers(parts: Sequence[Answers]) -> Answers:
    """Set answers under one another; at least one."""
    return replace(
        parts[0],
        rows=pd.concat([part.rows for part in parts], ignore_index=True),
        log_probabilities=np.concatenate([part.log_probabilities for part in parts]),
    )


class PriorError(SlipError, ValueError):
    """Class frequencies that cannot be used; the message names the class and the fix."""


def prior_of(given: Mapping[str, float], class_names: Sequence[str]) -> np.ndarray:
    """Read class frequencies.

    Args:
        given: How frequent each class is, by name, on any scale; classes that are not named are
            never answered.
        class_names: The effective classes.

    Returns:
        float64 [classes] that sum to 1.

    Raises:
        PriorError: A name is no class, a frequency is negative or no number, or all are zero.
    """
    from difflib import get_close_matches

    for name, value in given.items():
        if name not in class_names:
            close = get_close_matches(name, class_names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise PriorError(f"The prior names {name!r}, which is no class.{hint}")
        if not np.isfinite(value) or value < 0:
            raise PriorError(f"The prior of {name!r} is {value}: give a number of at least 0.")
    values = np.array([given.get(name, 0.0) for name in class_names], np.float64)
    if values.sum() == 0:
        raise PriorError("The prior gives every class 0: give one class at least a frequency.")
    frequencies: np.ndarray = values / values.sum()
    return frequencies


def prior_from_table(table: pd.DataFrame, class_names: Sequence[str]) -> np.ndarray:
    """Read class frequencies from a table.

    Args:
        table: `class_name` and `frequency`.
        class_names: The effective classes.

    Returns:
        float64 [classes] that sum to 1.

    Raises:
        PriorError: A column is missing, a name is no class or stands twice, or a frequency is no
            number of at least 0.
    """
    for column in ("class_name", "frequency"):
        if column not in table:
            raise PriorError(f"The table of class frequencies lacks the column {column!r}.")
    names = [normalize("NFC", as_named(str(name).strip())) for name in table["class_name"]]
    frequencies = pd.to_numeric(table["frequency"], errors="coerce").to_numpy(np.float64)
    given = dict(zip(names, frequencies.tolist(), strict=True))
    if len(given) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PriorError(f"The table of class frequencies names {twice!r} twice: keep one row.")
    return prior_of(given, class_names)


def _vehicle_numbers(vehicles: pd.Series[str]) -> np.ndarray:
    """Number vehicles in order of first appearance; an unknown one is a vehicle of its own."""
    keys = [f"v{vehicle}" if vehicle else str(place) for place, vehicle in enumerate(vehicles)]
    numbers: np.ndarray = pd.factorize(np.array(keys, object))[0]
    return numbers


def _vehicle_row(photos: pd.DataFrame) -> tuple[str, str, str, str]:
    bad = photos[photos["status"] != "ok"]
    reasons = [
        f"{photo}: {reason}" for photo, reason in zip(bad["photo"], bad["reason"], strict=True)
    ]
    status = "unreadable" if len(bad) == len(photos) else "ok"
    return "; ".join(photos["photo"]), photos["vehicle"].iloc[0], status, "; ".join(reasons)
