"""What only a GPU can show, on the one that is there, in under nine minutes.

    python -m benchmarks.check_gpu                      # everything
    python -m benchmarks.check_gpu --only extraction    # one section
    python -m benchmarks.check_gpu --dry                # the same code, small models on the CPU

Models have the real sizes and random weights, made on the GPU; nothing is downloaded. Every section
runs in a process of its own and has a budget of seconds, and what one leaves goes to the next. What
fails, or what the GPU is too small for, is a row that says so. Estimates of `make check-presets`
stand beside the measured figures. The exit status is 1 where a row failed, and 2 where there is no
GPU.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.gpu_check.processes import start
from benchmarks.gpu_check.report import device, joined, table
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu_check.rows import Row

OUTPUT = Path(__file__).parents[1] / "data" / "08_reporting" / "check_gpu.json"

BUDGETS = {
    "extraction": 60,
    "training": 110,
    "vision_language": 150,
    "interruption": 80,
    "precision": 110,
}
"""Seconds of each section, the start of its process included; below 9 minutes in all."""

ESTIMATES_MORE = 10
"""Seconds that estimates may take longer than the measurements, beside which they are made."""


def main() -> None:
    """Measure, print the table and write it."""
    arguments = _arguments()
    if not arguments.dry and not torch.cuda.is_available():
        print(
            "No GPU was found: run this on a machine with an NVIDIA GPU and a driver for CUDA "
            f"{torch.version.cuda or '(this torch was built without it)'}, or try it with --dry.",
            file=sys.stderr,
        )
        sys.exit(2)
    started = time.monotonic()
    sections = [arguments.only] if arguments.only else list(BUDGETS)
    with tempfile.TemporaryDirectory() as folder:
        records = measured_records(sections, Path(folder), dry=arguments.dry)
    about = {
        "device": device(dry=arguments.dry),
        "dry": arguments.dry,
        "seconds": time.monotonic() - started,
    }
    print(table(records))
    print(f"\n{about['device']['name']}, {about['seconds']:.0f} s", end="")
    print(": small models on a CPU, whose figures say nothing." * arguments.dry)
    write({**about, "rows": records}, arguments.output)
    failed = [record for record in records if record["status"] == "failed"]
    sys.exit(1 if failed else 0)


def measured_records(sections: list[str], folder: Path, *, dry: bool) -> list[dict[str, Any]]:
    """Run sections one after the other, with their estimates beside them.

    Args:
        sections: Their names.
        folder: For what processes write.
        dry: Whether models are small; all sections then share a process, which starts once.

    Returns:
        A record a row; see `gpu_check.report.joined`.
    """
    # Small models take as long as a busy CPU lets them.
    budget = math.inf if dry else sum(BUDGETS[section] for section in sections)
    ends = time.monotonic() + budget
    beside = start(sections, folder, ends - time.monotonic(), estimate=True, dry=dry)
    try:
        rows = list(_measured(sections, folder, ends, dry=dry))
        return joined(rows, beside.finish(max(ends, time.monotonic() + ESTIMATES_MORE)))
    finally:
        beside.stop()


def _measured(sections: list[str], folder: Path, ends: float, *, dry: bool) -> Iterator[Row]:
    groups = [sections] if dry else [[section] for section in sections]
    for place, group in enumerate(groups):
        later = sum(BUDGETS[section] for each in groups[place + 1 :] for section in each)
        limit = ends - later
        yield from start(group, folder, limit - time.monotonic(), dry=dry).finish(limit)


def write(report: dict[str, Any], path: Path) -> None:
    """Write the report as JSON, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    print(f"Written to {path}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=list(BUDGETS), help="one section")
    parser.add_argument("--dry", action="store_true", help="small models on the CPU")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file of the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
