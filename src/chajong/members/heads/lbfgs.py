"""Minimise a smooth function of one vector by limited-memory BFGS, on whatever device holds it.

Two things set it apart from a library's optimiser. It takes a diagonal estimate of the curvature,
which a head knows in closed form, and it can carry what it learnt of the curvature from one
problem to the next problem of a path. Source: Nocedal and Wright, Numerical Optimization,
2nd edition, algorithms 7.4 (two-loop recursion), 7.5 (L-BFGS) and 3.1 (backtracking).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SUFFICIENT_DECREASE = 1e-4
ROUNDING = 1e-6
"""Relative error of a value in float32: a rise below it is not held against a step."""
MAX_BACKTRACKS = 8


@dataclass
class CurvaturePairs:
    """The last few steps and the changes of the gradient along them.

    Attributes:
        limit: How many pairs are kept.
        steps: Differences of points, oldest first.
        changes: Differences of gradients, oldest first.
    """

    limit: int = 10
    steps: list[Tensor] = field(default_factory=list)
    changes: list[Tensor] = field(default_factory=list)

    def add(self, step: Tensor, change: Tensor) -> None:
        """Remember one pair, unless the curvature along it is not positive."""
        if float(step @ change) <= 0:
            return
        self.steps = [*self.steps, step][-self.limit :]
        self.changes = [*self.changes, change][-self.limit :]

    def shift(self, diagonal: Tensor) -> None:
        """Follow an objective that gains ½ xᵀ diag(diagonal) x: the change is known exactly."""
        shifted = [
            change + diagonal * step for step, change in zip(self.steps, self.changes, strict=True)
        ]
        kept = [i for i, step in enumerate(self.steps) if float(step @ shifted[i]) > 0]
        self.steps = [self.steps[i] for i in kept]
        self.changes = [shifted[i] for i in kept]

    def newton_step(self, gradient: Tensor, curvature: Tensor) -> Tensor:
        """Multiply minus the gradient by the inverse Hessian that the pairs imply.

        Args:
            gradient: float [size].
            curvature: float [size], positive estimate of the Hessian's diagonal.

        Returns:
            A direction of descent, float [size].
        """
        direction = -gradient
        weights = []
        for step, change in zip(reversed(self.steps), reversed(self.changes), strict=True):
            weight = (step @ direction) / (step @ change)
            direction = direction - weight * change
            weights.append(weight)
        direction = direction / curvature
        if self.steps:
            step, change = self.steps[-1], self.changes[-1]
            direction *= (step @ change) / (change @ (change / curvature))
        pairs = zip(self.steps, self.changes, reversed(weights), strict=True)
        for step, change, weight in pairs:
            direction += (weight - (change @ direction) / (step @ change)) * step
        return direction


@dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended.

    Attributes:
        point: float [size].
        value: The objective there.
        evaluations: How often the objective was evaluated.
        converged: Whether the tolerance was met.
    """

    point: Tensor
    value: float
    evaluations: int
    converged: bool


Objective = Callable[["Tensor"], tuple[float, "Tensor"]]
"""A point [size] to the value and the gradient [size]."""


def minimise(
    objective: Objective,
    start: Tensor,
    curvature: Tensor,
    pairs: CurvaturePairs,
    tolerance: float,
    max_evaluations: int,
) -> Minimum:
    """Minimise an objective until the next Newton step promises next to nothing.

    Args:
        objective: Value and gradient at a point.
        start: float [size].
        curvature: float [size], positive estimate of the Hessian's diagonal.
        pairs: Curvature that is known already; new pairs are added to it.
        tolerance: Stop where the predicted decrease -½ gᵀd is at most this share of the value.
        max_evaluations: Stop after this many evaluations.

    Returns:
        The best point found. It has not converged where the evaluations ran out or where
        rounding hides any further decrease.
    """
    point = start
    value, gradient = objective(point)
    evaluations = 1
    while True:
        direction = pairs.newton_step(gradient, curvature)
        slope = float(direction @ gradient)
        if -slope / 2 <= tolerance * abs(value):
            return Minimum(point, value, evaluations, converged=True)
        budget = min(MAX_BACKTRACKS, max_evaluations - evaluations)
        found = _backtrack(objective, point, value, direction, slope, budget)
        evaluations += found.evaluations
        if found.gradient is None:
            return Minimum(point, value, evaluations, converged=False)
        pairs.add(found.point - point, found.gradient - gradient)
        point, value, gradient = found.point, found.value, found.gradient


@dataclass(frozen=True)
class _Trial:
    point: Tensor
    value: float
    gradient: Tensor | None  # None: no acceptable step
    evaluations: int


def _backtrack(
    objective: Objective,
    point: Tensor,
    value: float,
    direction: Tensor,
    slope: float,
    budget: int,
) -> _Trial:
    length = 1.0
    for evaluations in range(1, budget + 1):
        candidate = point + length * direction
        trial, gradient = objective(candidate)
        excess = trial - value - SUFFICIENT_DECREASE * length * slope
        if excess <= ROUNDING * abs(value):
            return _Trial(candidate, trial, gradient, evaluations)
        interpolated = -slope * length**2 / (2 * (trial - value - slope * length))
        length = min(max(interpolated, 0.1 * length), 0.6 * length)
    return _Trial(point, value, None, budget)
