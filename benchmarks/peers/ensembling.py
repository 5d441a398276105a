"""The log-linear pool's weights, against SciPy's minimiser."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.comparison import Comparison
from benchmarks.pooling import DIFFERENT, draw, fitted_by_scipy, loss_and_slopes
from chajong.ensembling.pools.weights import log_linear_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

PHOTOS, CLASSES, MEMBERS = 8_000, 391, 6


def comparisons() -> Iterator[Comparison]:
    """Fit weights of simulated members of known truth.

    Yields:
        One comparison.
    """
    members, labels = draw(DIFFERENT, PHOTOS, CLASSES, MEMBERS)
    rows, equal = np.arange(PHOTOS), np.ones(PHOTOS)

    def above(ours: np.ndarray, theirs: np.ndarray) -> str:
        losses = (loss_and_slopes(weights, members, labels)[0] for weights in (ours, theirs))
        return "log losses {:.6f} and {:.6f}".format(*losses)

    yield Comparison(
        job="weights of a pool",
        peer="SciPy's L-BFGS-B",
        work=1,
        unit="fits",
        ours=partial(log_linear_weights, members, rows, labels, equal),
        theirs=partial(fitted_by_scipy, members, labels),
        agreement=above,
    )
