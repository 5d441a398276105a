"""Makes the measurements of some sections in this process, and appends them to a file.

    python -m benchmarks.gpu_check.worker ROWS --sections extraction training --seconds 120

A section that fails as a whole is a row too. With `--estimate` nothing is measured: what the
measurements are compared with is reckoned.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu_check.rows import Row, in_one_line, measure

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Do what the command line says."""
    arguments = _arguments()
    if arguments.dry:
        import torch

        # Compiled all the same, by nothing: compiling takes longer on a CPU than all the rest.
        torch.compiler.set_stance("force_eager")
    if arguments.estimate:
        os.nice(10)  # what is measured at the same time comes first
    ends = time.monotonic() + arguments.seconds
    with arguments.rows.open("a", encoding="utf-8") as file:
        for section in arguments.sections:
            for row in rows_of(section, ends, estimate=arguments.estimate, dry=arguments.dry):
                file.write(json.dumps(asdict(row)) + "\n")
                file.flush()
                if not arguments.estimate:
                    print(f"{row.section}: {row.name}: {row.status}", file=sys.stderr, flush=True)


def rows_of(section: str, ends: float, *, estimate: bool, dry: bool) -> Iterator[Row]:
    """Make the measurements of a section, or the estimates beside them.

    Args:
        section: A module of this package.
        ends: When its time is over, on the clock `time.monotonic`.
        estimate: Whether estimates are made and nothing is measured.
        dry: Whether models are small.

    Yields:
        A row for each.
    """
    try:
        module = import_module(f"benchmarks.gpu_check.{section}")
        items = module.estimates(dry=dry) if estimate else module.items(dry=dry)
    except Exception as error:
        yield Row(section, "preparation", "failed", note=in_one_line(error))
        return
    yield from measure(section, items, ends)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--sections", nargs="+", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--estimate", action="store_true")
    parser.add_argument("--dry", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
