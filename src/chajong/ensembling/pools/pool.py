"""A fitted pool: member weights, then a temperature, then a uniform floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

import numpy as np

from chajong.threads import processors

T = TypeVar("T")

Method = Literal["best", "uniform", "greedy", "convex", "log_linear"]

METHODS: tuple[Method, ...] = ("best", "uniform", "greedy", "convex", "log_linear")
"""The ways of pooling, the simplest first."""

LOGARITHMIC: tuple[Method, ...] = ("best", "uniform", "log_linear")
"""Those that weigh log-probabilities; the others weigh probabilities."""

PHOTOS_AT_ONCE = 64
"""Photos computed with at a time: few enough to stay in the processor's cache."""

FOR_THREADS = 2_000
"""Photos from which threads save more than they take to start."""


@dataclass(frozen=True)
class Pool:
    """How members become one distribution.

    Attributes:
        method: `best` is the best member alone; `uniform` and `log_linear` are logarithmic pools
            (Genest and Zidek, Combining Probability Distributions, 1986), `convex` and `greedy`
            linear ones.
        weights: One a member, none negative. Those of a linear pool sum to 1; those of
            `log_linear` need not.
        temperature: What the pooled log-probabilities are divided by.
        floor: Share of the uniform distribution that is mixed in last.

    Raises:
        ValueError: A weight is negative or not finite, or none is positive.
    """

    method: Method
    weights: tuple[float, ...]
    temperature: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        usable = np.isfinite(self.weights).all() and min(self.weights, default=0.0) >= 0
        if not usable or sum(self.weights) == 0:
            raise ValueError(
                f"The weights {self.weights} cannot pool members: none may be negative and one "
                "must be positive."
            )

    def combined(self, members: Sequence[np.ndarray], rows: np.ndarray | None = None) -> np.ndarray:
        """Pool members, before temperature and floor.

        Args:
            members: Log-probabilities [photos, classes], one array a member, in the order of the
                weights.
            rows: int [photos wanted]; None pools all photos.

        Returns:
            float32 log-probabilities [photos, classes].

        Raises:
            ValueError: The members are not as many as the weights.
        """
        if len(members) != len(self.weights):
            raise ValueError(
                f"{len(members)} members do not fit {len(self.weights)} weights: give those that "
                "the pool was fitted on."
            )
        wanted = np.arange(len(members[0])) if rows is None else rows
        # Gathering chunk by chunk keeps no second copy of all members.
        return np.concatenate(
            in_chunks(
                lambda chunk: self._combine([member[wanted[chunk]] for member in members]),
                len(wanted),
            )
        )

    def _combine(self, members: Sequence[np.ndarray]) -> np.ndarray:
        logarithmic = self.method in LOGARITHMIC
        total = np.zeros(members[0].shape)
        for weight, member in zip(self.weights, members, strict=True):
            if weight:
                total += weight * (member if logarithmic else np.exp(member))
        # A linear pool gives no class less than the smallest number.
        scores = total if logarithmic else np.log(np.maximum(total, _SMALLEST))
        return log_normalised(scores).astype(np.float32)

    def finish(self, combined: np.ndarray) -> np.ndarray:
        """Apply temperature and floor.

        Args:
            combined: From `combined`.

        Returns:
            float32 log-probabilities [photos, classes].
        """
        finish = partial(self._finish, combined)
        return np.concatenate(in_chunks(finish, len(combined)))

    def _finish(self, combined: np.ndarray, photos: slice) -> np.ndarray:
        tempered = log_normalised(combined[photos] / self.temperature)
        return with_floor(tempered, self.floor).astype(np.float32)

    def log_probabilities(
        self, members: Sequence[np.ndarray], rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Pool members; see `combined` and `finish`."""
        return self.finish(self.combined(members, rows))


_SMALLEST = np.finfo(np.float64).tiny


def in_chunks(compute: Callable[[slice], T], count: int) -> list[T]:
    """Compute chunk by chunk, several at once; NumPy lets threads run side by side.

    Args:
        compute: Given which photos, returns a result.
        count: Number of photos, at least 1 chunk is computed.
    """
    starts = range(0, max(count, 1), PHOTOS_AT_ONCE)
    chunks = [slice(at, at + PHOTOS_AT_ONCE) for at in starts]
    if count < FOR_THREADS:
        return list(map(compute, chunks))
    with ThreadPoolExecutor(processors()) as threads:
        return list(threads.map(compute, chunks))


def with_floor(log_probabilities: np.ndarray, floor: float) -> np.ndarray:
    """Mix a share of the uniform distribution into distributions [photos, classes]."""
    if floor == 0:
        return log_probabilities
    uniform = floor / log_probabilities.shape[1]
    mixed: np.ndarray = np.log((1 - floor) * np.exp(log_probabilities.astype(np.float64)) + uniform)
    return mixed


def log_normalised(scores: np.ndarray) -> np.ndarray:
    """Return log-probabilities of unnormalised log scores [photos, classes], in their precision."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    normalised: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised
