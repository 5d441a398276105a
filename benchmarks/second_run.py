"""What a run and a second one of nothing changed take: seconds by node, megabytes by folder.

A file that several folders share counts once in all, and once in each of them.

::

    python -m benchmarks.second_run path/to/new/results [path/to/photos]

Each run is a process of its own, as from the command line. Seconds are those of the clock and those
of the processor, in its workers too, which depend less on what else the machine does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from kedro.framework.hooks import hook_impl
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from chajong.runner import QuickStepsFirst
from chajong.whole import bytes_on_disk

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "data" / "01_raw" / "sample"
ROWS = 15
"""Nodes and folders that a table lists."""

START_UP, ENDING = "start-up", "ending"
TIMES = "times.json"


class Stopwatch:
    """Times every node, with its loading and saving; a hook."""

    def __init__(self) -> None:
        """Begin when the process did."""
        self.times: dict[str, list[float]] = {}
        self._last = [psutil.Process().create_time(), 0.0]

    def note(self, name: str) -> None:
        """Give a node the time since the last note."""
        now = [time.time(), processor_seconds()]
        spent = [late - early for late, early in zip(now, self._last, strict=True)]
        before = self.times.get(name, [0.0, 0.0])
        self.times[name] = [old + new for old, new in zip(before, spent, strict=True)]
        self._last = now

    def end(self) -> None:
        """Note what came after the last node; a run in which no node ran is a start-up."""
        self.note(ENDING if self.times else START_UP)

    @hook_impl
    def before_dataset_loaded(self, node: Any) -> None:
        """End the start-up before the first node, and what lies between nodes."""
        self.note(node.name if self.times else START_UP)

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        """A node has computed its outputs."""
        self.note(node.name)

    @hook_impl
    def after_dataset_saved(self, node: Any) -> None:
        """A node has saved one of its outputs."""
        self.note(node.name)


def processor_seconds() -> float:
    """Say how long this process and its workers, also those that have ended, have computed."""
    here = psutil.Process()
    total = 0.0
    for process in (here, *here.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def run_once(data: Path, photos: Path) -> None:
    """Run the project in this process, and write down what its nodes took."""
    stopwatch = Stopwatch()
    bootstrap_project(PROJECT)
    places = {"data_dir": str(data), "raw_dir": str(photos)}
    with KedroSession.create(PROJECT, runtime_params=places) as session:
        session._hook_manager.register(stopwatch)
        session.run(runner=QuickStepsFirst())
    stopwatch.end()
    (data / TIMES).write_text(json.dumps(stopwatch.times), encoding="utf-8")


def print_run(title: str, data: Path) -> None:
    """Print what a run took and left."""
    times = json.loads((data / TIMES).read_text(encoding="utf-8"))
    clock, processor = (sum(column) for column in zip(*times.values(), strict=True))
    print(f"\n{title}: {clock:.0f} s, of the processor {processor:.0f} s")
    slowest = sorted(times.items(), key=lambda item: -item[1][1])
    for name, (seconds, of_processor) in slowest[:ROWS]:
        print(f"  {name:45} {seconds:8.1f} {of_processor:8.1f}")
    print(f"  {bytes_on_disk(data) / 1e6:.1f} MB on the disk")
    sizes = {path: bytes_on_disk(path) for path in data.glob("*/*") if path.is_dir()}
    for path, size in sorted(sizes.items(), key=lambda item: -item[1])[:ROWS]:
        print(f"  {path.relative_to(data)!s:45} {size / 1e6:8.1f}")


def main() -> None:
    """Run twice."""
    data = Path(sys.argv[1]).resolve()
    photos = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else SAMPLE
    data.mkdir(parents=True)
    for title in ("first run", "second run"):
        command = "from benchmarks.second_run import Path, run_once; import sys; "
        command += "run_once(Path(sys.argv[1]), Path(sys.argv[2]))"
        subprocess.run(
            [sys.executable, "-c", command, str(data), str(photos)], cwd=PROJECT, check=True
        )
        print_run(title, data)


if __name__ == "__main__":
    main()
