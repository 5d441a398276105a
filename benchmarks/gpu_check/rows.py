"""Measurements as rows: one that fails or finds no hardware does not stop the next."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Status = Literal["ran", "skipped", "failed"]


@dataclass(frozen=True)
class Finding:
    """What a measurement gives.

    Attributes:
        figures: Numbers by name; the name says the unit.
        note: What a reader must know to read them.
    """

    figures: dict[str, float]
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        section: Its section.
        name: What was measured.
        status: What became of it.
        seconds: How long it took, building included.
        figures: Numbers by name, none where it did not run.
        note: Why it did not run, or what a reader must know.
    """

    section: str
    name: str
    status: Status
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    note: str = ""


Items = list[tuple[str, "Callable[[], Finding]"]]
"""Measurements by name, in the order in which they are made."""


class NoHardware(Exception):  # noqa: N818, it is no error
    """A measurement that needs other hardware; the message says what is wanting."""


def measure(section: str, items: Items, ends: float) -> Iterator[Row]:
    """Make the measurements of a section one after the other.

    Args:
        section: Its name.
        items: The measurements.
        ends: When the section's time is over, on the clock `time.monotonic`. A measurement is left
            out where less time is left than the slowest before it took.

    Yields:
        A row for each.
    """
    slowest = 0.0
    for name, work in items:
        left = ends - time.monotonic()
        if left < slowest:
            note = f"{left:.0f} s are left of this section's time and a row takes {slowest:.0f} s"
            yield Row(section, name, "skipped", note=note)
            continue
        row = _row(section, name, work)
        slowest = max(slowest, row.seconds)
        _forget_compiled()
        free_memory()
        yield row


def _row(section: str, name: str, work: Callable[[], Finding]) -> Row:
    started = time.monotonic()
    try:
        found = work()
    except NoHardware as wanting:
        return Row(section, name, "skipped", time.monotonic() - started, note=str(wanting))
    except Exception as error:
        return Row(section, name, "failed", time.monotonic() - started, note=in_one_line(error))
    seconds = time.monotonic() - started
    strange = [name for name, figure in found.figures.items() if not isfinite(figure)]
    if strange:
        note = f"{strange[0].replace('_', ' ')} is {found.figures[strange[0]]}"
        return Row(section, name, "failed", seconds, note=note)
    return Row(section, name, "ran", seconds, found.figures, found.note)


def in_one_line(error: Exception) -> str:
    """Say what an error is, in words for a table."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


def _forget_compiled() -> None:
    import torch

    torch.compiler.reset()


def free_memory() -> None:
    """Give back what the last measurement held in memory, cycles included."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
