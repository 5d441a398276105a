"""One job done in two ways, timed in turns."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Comparison:
    """A job, and two ways to do it.

    Attributes:
        job: What is done.
        peer: By whom else.
        work: How much of it a call does.
        unit: Of what.
        ours: Does it.
        theirs: Does it too.
        aim: How many times as fast as the peer it should be; None where there is no aim.
        agreement: Says in words how far both answers are apart; None where the peer answers
            something else.
    """

    job: str
    peer: str
    work: float
    unit: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    aim: float | None = None
    agreement: Callable[[Any, Any], str] | None = None


@dataclass(frozen=True)
class Measured:
    """A comparison's figures.

    Attributes:
        job: What was done.
        peer: By whom else.
        unit: Of what.
        ours: Units a second, the median of the rounds.
        theirs: Likewise.
        ratio: Ours over theirs, the median of the rounds' ratios.
        lowest: The lowest of the rounds' ratios.
        highest: The highest.
        aim: What the ratio should be; None where there is no aim.
        agreement: How far the answers are apart, in words.
    """

    job: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    lowest: float
    highest: float
    aim: float | None
    agreement: str

    def record(self) -> dict[str, Any]:
        """Give the figures for JSON."""
        return asdict(self)


def measured(comparison: Comparison, rounds: int) -> Measured:
    """Time both ways in turns, once each before it counts.

    Args:
        comparison: The two ways.
        rounds: How often.

    Returns:
        Medians, and the ratio of each round, in which both ways ran one after the other.
    """
    ways = comparison.ours, comparison.theirs
    answers = [way() for way in ways]
    agreement = comparison.agreement(*answers) if comparison.agreement else ""
    seconds = [[_seconds(way) for way in ways] for _ in range(rounds)]
    ratios = [theirs / ours for ours, theirs in seconds]
    ours, theirs = (comparison.work / median(side) for side in zip(*seconds, strict=True))
    return Measured(
        comparison.job,
        comparison.peer,
        comparison.unit,
        ours,
        theirs,
        median(ratios),
        min(ratios),
        max(ratios),
        comparison.aim,
        agreement,
    )


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
