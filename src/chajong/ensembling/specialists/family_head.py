"""A head that corrects the pool inside one family.

    p(c | family) = softmax(log p_pool(c | family) + z · W),

where z holds a few directions of the features, the pool's log-probabilities inside the family and
a constant. It is multinomial logistic regression with the pool as its offset, so that a strong
penalty on W gives the pool back, which a regression that starts from equal classes does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chajong.ensembling.families import inside_family, move_inside_family
from chajong.predictions.certain_gain import inner_parts
from chajong.predictions.cross_fitting import cross_fit
from chajong.predictions.intervals import mean_interval

UNLIKELIEST = -8.0
"""Log-probabilities inside a family count as inputs down to this one."""


@dataclass(frozen=True, eq=False)
class FamilyHead:
    """A head for one family, and what it gains.

    Attributes:
        classes: int [members], class indices, in order.
        centre: float64 [members], the mean of the pool's clipped log-probabilities inside.
        scale: float64 [members], their standard deviation.
        weights: float64 [directions + members + 1, members].
        penalty: Strength of the penalty on the weights.
        photos: Photos that the head was fitted on.
        gain: Inner cross-fitted gain in nats a photo of the family.
        interval: The 95 % interval of the gain.
    """

    classes: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    penalty: float
    photos: int
    gain: float
    interval: tuple[float, float]

    def move(self, log_probabilities: np.ndarray, directions: np.ndarray) -> None:
        """Move probability inside the family, in place.

        Args:
            log_probabilities: float32 [photos, classes].
            directions: float64 [photos, directions].
        """
        own = inside_family(log_probabilities, self.classes)
        inputs = _inputs(directions, own, self.centre, self.scale)
        move_inside_family(log_probabilities, self.classes, own + inputs @ self.weights)


def fit_family_head(
    own: np.ndarray,
    directions: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    classes: np.ndarray,
    penalties: Sequence[float],
) -> FamilyHead:
    """Fit a head and measure its gain.

    The gain of each inner part is that of a head fitted on the other parts, with the penalty that
    is best on the other parts, so that neither has seen the part.

    Args:
        own: float64 [photos, members], the pool's log-probabilities inside the family, of photos
            of the family whose label counts.
        directions: float64 [photos, directions].
        labels: int [photos], positions in `classes`.
        groups: int [photos], of at least two groups.
        classes: int [members], class indices.
        penalties: Strengths to choose from, the strongest first.
    """
    clipped = np.maximum(own, UNLIKELIEST)
    centre, scale = clipped.mean(axis=0), clipped.std(axis=0)
    scale[scale == 0] = 1.0
    inputs = _inputs(directions, own, centre, scale)

    def path(rows: np.ndarray) -> list[np.ndarray]:
        return weights_path(inputs[rows], own[rows], labels[rows], penalties)

    def gains(weights: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
        return np.column_stack(
            [_gains(weight, inputs[rows], own[rows], labels[rows]) for weight in weights]
        )

    parts = inner_parts(groups)
    paths = cross_fit(path, parts)
    by_penalty = paths.apply(gains)
    choices = cross_fit(lambda rows: int(by_penalty[rows].sum(axis=0).argmax()), parts)
    gain = choices.apply(lambda choice, rows: by_penalty[rows, choice])
    return FamilyHead(
        classes=classes,
        centre=centre,
        scale=scale,
        weights=paths.overall[choices.overall],
        penalty=penalties[choices.overall],
        photos=len(labels),
        gain=float(gain.mean()),
        interval=mean_interval(gain, groups),
    )


def weights_path(
    inputs: np.ndarray, offsets: np.ndarray, labels: np.ndarray, penalties: Sequence[float]
) -> list[np.ndarray]:
    """Minimise the summed log loss plus penalty · |W|² / 2 for each penalty.

    Args:
        inputs: float64 [photos, inputs].
        offsets: float64 [photos, members], scores where all weights are zero.
        labels: int [photos].
        penalties: The strongest first: each search starts where the one before ended.

    Returns:
        float64 [inputs, members] for each penalty.
    """
    from scipy.optimize import minimize

    shape = (inputs.shape[1], offsets.shape[1])
    target = np.eye(shape[1])[labels]
    point, path = np.zeros(shape[0] * shape[1]), []
    for penalty in penalties:
        found = minimize(
            _loss_and_slopes,
            x0=point,
            args=(inputs, offsets, target, penalty),
            jac=True,
            method="L-BFGS-B",
            options={"ftol": 1e-7, "gtol": 1e-4 * len(labels)},
        )
        point = found.x
        path.append(point.reshape(shape))
    return path


def _loss_and_slopes(
    point: np.ndarray, inputs: np.ndarray, offsets: np.ndarray, target: np.ndarray, penalty: float
) -> tuple[float, np.ndarray]:
    from scipy.special import log_softmax

    weights = point.reshape(inputs.shape[1], -1)
    logs = log_softmax(offsets + inputs @ weights, axis=1)
    slopes = inputs.T @ (np.exp(logs) - target) + penalty * weights
    return float(penalty * point @ point / 2 - np.vdot(target, logs)), slopes.ravel()


def _inputs(
    directions: np.ndarray, own: np.ndarray, centre: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Join what a head looks at, float64 [photos, directions + members + 1]."""
    views = (np.maximum(own, UNLIKELIEST) - centre) / scale
    return np.column_stack([directions, views, np.ones(len(own))])


def _gains(
    weights: np.ndarray, inputs: np.ndarray, own: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Return by how many nats each photo's label is more probable than before, [photos]."""
    from scipy.special import log_softmax

    photos = np.arange(len(labels))
    changed = log_softmax(own + inputs @ weights, axis=1)
    gains: np.ndarray = changed[photos, labels] - own[photos, labels]
    return gains
