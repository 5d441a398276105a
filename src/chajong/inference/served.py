"""The pool of those members that can answer about new photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chajong.ensembling.refinement import Refined
    from chajong.ensembling.shift_aware import ShiftAwarePool


@dataclass(frozen=True, eq=False)
class ServedPool:
    """What is saved of an ensemble.

    Attributes:
        pooled: The pool of the members that have a checkpoint; None where none has.
        refined: The steps after it.
        left_out: Pooled members without a checkpoint, such as teammates' tables.
    """

    pooled: ShiftAwarePool | None
    refined: Refined | None
    left_out: tuple[str, ...]
