"""Every speed claim beside its peer, both sides in one run.

    make bench                                              # the table of docs/results.md
    python -m benchmarks.bench --rounds 5 --raw-dir path/to/photos
    python -m benchmarks.bench --only search

Both ways do a job in turns, once each before it counts. The ratio is the median of the rounds'
ratios: what else the machine does meanwhile slows both. Written as JSON, as a chart, and with
``--record`` as a table into docs/results.md. Where there is a GPU, its speed is measured too, by
sections of `make check-gpu`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.check_gpu import measured_records
from benchmarks.gpu_check import report
from benchmarks.peers import encoders, ensembling, heads, photos, search, vision_language
from benchmarks.peers.comparison import Measured, measured
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.peers.comparison import Comparison

CHECKOUT = Path(__file__).parents[1]
OUTPUT = CHECKOUT / "data/08_reporting/bench.json"
RESULTS = CHECKOUT / "docs/results.md"
CHART = CHECKOUT / "docs/images/bench.png"
GPU_SPEED = ["extraction", "training"]
"""Sections of `make check-gpu` that measure speed; below three minutes."""

NO_GPU = "There was no GPU: its half of the measurements did not run."
MARKS = "<!-- written by make bench -->\n", "<!-- end of make bench -->\n"


def sections(
    raw_dir: Path, scratch: Path, count: int
) -> dict[str, Callable[[], Iterator[Comparison]]]:
    """Name what can be compared.

    Args:
        raw_dir: Photos in the challenge's layout.
        scratch: For models and photo stores.
        count: Photos that are encoded.

    Returns:
        By name, what gives comparisons.
    """
    return {
        "features": lambda: encoders.comparisons(raw_dir, scratch, count),
        "near_duplicates": photos.comparisons,
        "heads": heads.comparisons,
        "pool": ensembling.comparisons,
        "search": search.comparisons,
        "names": lambda: vision_language.comparisons(scratch),
    }


def machine() -> dict[str, Any]:
    """Say when and on what it ran."""
    import torch

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
    }


def table(rows: Sequence[Measured], about: dict[str, Any], rounds: int) -> str:
    """Lay figures out as Markdown.

    Args:
        rows: What was measured.
        about: From `machine`.
        rounds: How often.

    Returns:
        A sentence and a table.
    """
    lines = [
        f"`make bench`, {about['date']}, {about['cores']} cores ({about['threads']} threads, load "
        f"{about['load']}), medians of {rounds} rounds; ratios with the lowest and the highest.",
        "",
        "| job | ours, a second | peer | peer, a second | ours over peer | aim | answers |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        aim = "" if row.aim is None else f"{row.aim:g}"
        lines.append(
            f"| {row.job} | {row.ours:,.3g} {row.unit} | {row.peer} | {row.theirs:,.3g} "
            f"| **{row.ratio:.2f}** ({row.lowest:.2f} to {row.highest:.2f}) | {aim} "
            f"| {row.agreement} |"
        )
    return "\n".join(lines) + "\n"


def gpu_half(scratch: Path) -> dict[str, Any] | None:
    """Measure how fast the GPU is, beside what is estimated.

    Args:
        scratch: For what its processes write.

    Returns:
        Its description under `device` and records under `rows`; None where there is no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    return {
        "device": report.device(dry=False),
        "rows": measured_records(GPU_SPEED, scratch, dry=False),
    }


def gpu_text(found: dict[str, Any] | None) -> str:
    """Lay the GPU's figures out as Markdown, or say in one line that there was none."""
    if found is None:
        return f"\n{NO_GPU}\n"
    return f"\n{found['device']['name']}:\n\n```\n{report.table(found['rows'])}\n```\n"


def draw(rows: Sequence[Measured], path: Path) -> None:
    """Draw the ratios as bars on a logarithmic scale, 1 being as fast as the peer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    names = [f"{row.job}\nagainst {row.peer}" for row in rows]
    ratios = [row.ratio for row in rows]
    spread = [
        [row.ratio - row.lowest for row in rows],
        [row.highest - row.ratio for row in rows],
    ]
    bars = axes.barh(names, ratios, xerr=spread, color="#4c78a8", ecolor="#888888")
    axes.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios], padding=6)
    axes.axvline(1, color="#e4572e", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("times as fast as the peer")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def between_marks(page: str, text: str) -> str:
    """Put text between the marks of a page, in place of what stands there.

    Raises:
        ValueError: The page lacks the marks.
    """
    begin, end = MARKS
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        message = f"{RESULTS.name} has no lines {begin.strip()!r} and {end.strip()!r}."
        raise ValueError(message)
    return f"{before}{begin}{text}{end}{after}"


def compare(names: Iterable[str], given: argparse.Namespace, scratch: Path) -> list[Measured]:
    """Measure sections, and print each figure as it comes."""
    found = []
    every = sections(given.raw_dir, scratch, given.photos)
    for name in names:
        for comparison in every[name]():
            row = measured(comparison, given.rounds)
            found.append(row)
            print(
                f"{row.job:44} {row.ours:9,.3g} {row.unit}/s, {row.peer} {row.theirs:,.3g}: "
                f"{row.ratio:.2f} times as fast",
                flush=True,
            )
    return found


def main() -> None:
    """Measure, write JSON and a chart, and record the table."""
    names = list(sections(Path(), Path(), 0))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--raw-dir", type=Path, default=CHECKOUT / "data/01_raw/sample")
    parser.add_argument("--photos", type=int, default=128, help="that are encoded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=names, help="one section")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the figures as JSON")
    parser.add_argument("--record", action="store_true", help="write the table of docs/results.md")
    given = parser.parse_args()
    about = machine()
    with tempfile.TemporaryDirectory() as scratch:
        rows = compare([given.only] if given.only else names, given, Path(scratch))
        gpu = None if given.only else gpu_half(Path(scratch))
    text = table(rows, about, given.rounds)
    text += "" if given.only else gpu_text(gpu)
    print(f"\n{text}")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    figures = {"rounds": given.rounds, "rows": [row.record() for row in rows], "gpu": gpu}
    with whole_file(given.output) as unfinished:
        unfinished.write_text(json.dumps({**about, **figures}, indent=1), encoding="utf-8")
    print(f"Written to {given.output}.")
    if given.record:
        draw(rows, CHART)
        page = between_marks(RESULTS.read_text(encoding="utf-8"), text)
        with whole_file(RESULTS) as unfinished:
            unfinished.write_text(page, encoding="utf-8")
        print(f"Recorded in {RESULTS.name}.")


if __name__ == "__main__":
    main()
