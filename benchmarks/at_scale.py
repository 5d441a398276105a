"""Does a run of many photos cost more per photo than one of few: seconds and memory by step.

    python -m benchmarks.at_scale path/to/new/folder                            # 3,168 and 33,264
    python -m benchmarks.at_scale path/to/new/folder --names 40 --photos 5 20   # a quick look

Photos of 690 x 437 pixels are rendered into the folder unless they are there (33,264 take half an
hour of a core: at half the size, then enlarged), and go from the raw folder to submission and
reports with `hog` and the small CLIP frozen, each number of them in a process of its own. Processor
seconds hardly depend on what else the machine does: photos are compared by them. Memory is what the
process held at most during a step, pages of mapped files included and, beside it, without them.
Then the larger one is run again with nothing changed, and `kedro registry list` is timed. All
figures stay in the folder as JSON; those of a run that is under way, or was stopped, are in
`run-84.unfinished.json`, a step at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from PIL import Image

from benchmarks.second_run import PROJECT, START_UP, Stopwatch
from chajong.names.challenge import challenge_names
from chajong.runner import QuickStepsFirst
from chajong.threads import processors
from chajong.whole import bytes_on_disk, whole_file
from tools.rendered_cars.write import SAMPLE_SEED, write_rendered_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE, HALF = (690, 437), (345, 219)
QUALITY = 90
NOT_FROZEN = "clip_zero_shot", "clip", "backbone", "fusion", "vlm"
"""Members of the sample that the frozen path leaves out."""

SAMPLING_SECONDS = 0.05
TRAIN_PER_TEST = 8
"""Of so many photos of a name one is a test photo."""

ROUNDS = 3
REST = "all other steps"
LISTED, LISTED_AGAIN = 18, 8
"""Steps that are listed of the first runs and of the second one, those that take longest."""


@dataclass(frozen=True)
class Step:
    """What a step took, its loading and saving included.

    Attributes:
        seconds: Of the clock.
        processor: Seconds of the processor, user and system.
        memory: Megabytes that the process held at most.
        own: The same without pages of mapped files.
    """

    seconds: float
    processor: float
    memory: float
    own: float


@dataclass(frozen=True)
class Run:
    """What a run took.

    Attributes:
        photos: How many it was of.
        steps: By name, in the order in which they ended.
        load: Of the machine over the last 15 minutes of the run.
        rooms: Megabytes on the disk by folder.
    """

    photos: int
    steps: dict[str, Step]
    load: float
    rooms: dict[str, float]

    @property
    def total(self) -> Step:
        """All steps together, the start-up included."""
        return together(list(self.steps.values()))


class Meter(Stopwatch):
    """Times every step, and looks at the memory of the process while it runs; a hook."""

    def __init__(self, steps_so_far: Path) -> None:
        """Begin to look; the steps that have ended are written down, should the run be stopped."""
        super().__init__()
        self._steps_so_far = steps_so_far
        self.peaks: dict[str, list[float]] = {}
        self._process = psutil.Process()
        self._peak = [0.0, 0.0]
        threading.Thread(target=self._watch, daemon=True).start()

    def note(self, name: str) -> None:
        """Give a step the time and the peak since the last note."""
        super().note(name)
        self._look()
        before = self.peaks.get(name, [0.0, 0.0])
        self.peaks[name] = [max(pair) for pair in zip(before, self._peak, strict=True)]
        self._peak = [0.0, 0.0]
        steps = {step: asdict(figures) for step, figures in self.steps().items()}
        self._steps_so_far.write_text(json.dumps(steps), encoding="utf-8")

    def steps(self) -> dict[str, Step]:
        """Give what was noted."""
        return {name: Step(*self.times[name], *self.peaks[name]) for name in self.times}

    def _watch(self) -> None:
        while True:
            self._look()
            time.sleep(SAMPLING_SECONDS)

    def _look(self) -> None:
        held = self._process.memory_info()
        now = [held.rss / 1e6, (held.rss - held.shared) / 1e6]
        self._peak = [max(pair) for pair in zip(self._peak, now, strict=True)]


def together(steps: Sequence[Step]) -> Step:
    """Add up the times of steps, and give the highest of their peaks."""
    return Step(
        sum(step.seconds for step in steps),
        sum(step.processor for step in steps),
        max(step.memory for step in steps),
        max(step.own for step in steps),
    )


def split(photos: int) -> tuple[int, int]:
    """Split the photos of a name into train and test photos."""
    test = -(-photos // TRAIN_PER_TEST)
    return photos - test, test


def rendered(folder: Path, names: int, photos: int) -> Path:
    """Render photos of cars, unless that was done before.

    Args:
        folder: Gets a folder of them.
        names: How many of the challenge's names.
        photos: Of each name.

    Returns:
        The photos in the challenge's layout.
    """
    place = folder / f"photos-{names}x{photos}"
    if not place.exists():
        small = place.with_name(f"half-{place.name}")
        train, test = split(photos)
        write_rendered_photos(small, challenge_names()[:names], train, test, SAMPLE_SEED, HALF)
        with ThreadPoolExecutor(processors()) as threads:
            list(threads.map(enlarge, photos_in(small)))
        small.rename(place)
    return place


def enlarge(path: Path) -> None:
    """Enlarge a photo in its place: rendering it as large takes three times as long."""
    photo = Image.open(path).resize(SIZE, Image.Resampling.BICUBIC)
    photo.save(path, "JPEG", quality=QUALITY)


def photos_in(folder: Path) -> list[Path]:
    """List the photos of a folder in the challenge's layout."""
    return sorted(folder.glob("t*/**/*.jpg"))


def run_once(photos: Path, data: Path, report: Path) -> None:
    """Run the frozen path in this process, and write down what its steps took.

    Args:
        photos: In the challenge's layout.
        data: Gets the results.
        report: Gets the figures, a `Run` as JSON.
    """
    steps_so_far = report.with_suffix(".unfinished.json")
    meter = Meter(steps_so_far)
    bootstrap_project(PROJECT)
    given: dict[str, Any] = {"raw_dir": str(photos), "data_dir": str(data)}
    with KedroSession.create(PROJECT, runtime_params=given | dict.fromkeys(NOT_FROZEN)) as session:
        session._hook_manager.register(meter)
        session.run(runner=QuickStepsFirst())
    meter.end()
    rooms = {path.name: bytes_on_disk(path) / 1e6 for path in sorted(data.glob("0*"))}
    found = Run(len(photos_in(photos)), meter.steps(), os.getloadavg()[2], rooms)
    with whole_file(report) as unfinished:
        unfinished.write_text(json.dumps(asdict(found)), encoding="utf-8")
    steps_so_far.unlink()


def in_fresh_process(photos: Path, data: Path, report: Path) -> Run:
    """Run the frozen path in a process of its own; arguments as of `run_once`."""
    command = "import sys; from pathlib import Path; from benchmarks.at_scale import run_once; "
    command += "run_once(*map(Path, sys.argv[1:]))"
    paths = [str(path) for path in (photos, data, report)]
    subprocess.run([sys.executable, "-c", command, *paths], cwd=PROJECT, check=True)
    return read_run(report)


def read_run(report: Path) -> Run:
    """Read what `run_once` wrote."""
    written = json.loads(report.read_text(encoding="utf-8"))
    steps = {name: Step(**step) for name, step in written.pop("steps").items()}
    return Run(steps=steps, **written)


def table(few: Run, many: Run) -> str:
    """Lay the figures of two runs out as Markdown.

    Args:
        few: Of few photos.
        many: Of many.

    Returns:
        One table of steps, the longest first, and one of folders.
    """
    lines = [
        f"Load {few.load:.1f} and {many.load:.1f}.",
        "",
        f"| step | {few.photos:,} photos: s | processor s | MB | own MB "
        f"| {many.photos:,} photos: s | processor s | MB | own MB | per photo |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (one, other) in _longest(few, many).items():
        growth = per_photo(one.processor, other.processor, few, many)
        lines.append(f"| {name} | {_cells(one)} | {_cells(other)} | {growth:.2f} |")
    lines += [
        "",
        f"| folder | {few.photos:,} photos: MB | {many.photos:,} photos: MB | per photo |",
        "|---|---|---|---|",
    ]
    for room, size in many.rooms.items():
        before = few.rooms[room]
        lines.append(
            f"| {room} | {before:,.1f} | {size:,.1f} | {per_photo(before, size, few, many):.2f} |"
        )
    return "\n".join(lines) + "\n"


def per_photo(cost_of_few: float, cost_of_many: float, few: Run, many: Run) -> float:
    """Say how many times as much a photo costs among many as among few."""
    return (cost_of_many / many.photos) / max(cost_of_few / few.photos, 1e-9)


def _longest(few: Run, many: Run) -> dict[str, tuple[Step, Step]]:
    names = sorted(many.steps, key=lambda name: -many.steps[name].processor)
    names = [name for name in names if name != START_UP]
    listed, rest = names[:LISTED], names[LISTED:]
    rows = {name: (few.steps[name], many.steps[name]) for name in [START_UP, *listed]}
    if rest:
        rows[REST] = (
            together([few.steps[name] for name in rest]),
            together([many.steps[name] for name in rest]),
        )
    return rows | {"**all**": (few.total, many.total)}


def _cells(step: Step) -> str:
    return f"{step.seconds:,.1f} | {step.processor:,.1f} | {step.memory:,.0f} | {step.own:,.0f}"


def seconds_of(command: Sequence[str]) -> float:
    """Time a command, the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return median(times)


def main() -> None:
    """Render, run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for photos and results")
    parser.add_argument("--names", type=int, default=396, help="of the challenge")
    parser.add_argument(
        "--photos", type=int, nargs=2, default=[8, 84], help="of each name: few and many"
    )
    given = parser.parse_args()
    folder = given.folder.resolve()
    runs = []
    for count in given.photos:
        place = rendered(folder, given.names, count)
        data, report = folder / f"results-{count}", folder / f"run-{count}.json"
        data.mkdir()  # results that are there already would make it a second run
        runs.append(in_fresh_process(place, data, report))
    again = in_fresh_process(place, data, folder / "second-run.json")
    print(f"\n{table(*runs)}")
    print(f"The second run took {again.total.seconds:.1f} s ({again.total.processor:.1f} s of the")
    print(f"processor) and {again.total.memory:,.0f} MB; it added ", end="")
    print(f"{sum(again.rooms.values()) - sum(runs[-1].rooms.values()):.1f} MB.")
    slowest = sorted(again.steps.items(), key=lambda item: -item[1].processor)
    for name, step in slowest[:LISTED_AGAIN]:
        print(f"  {name:45} {step.seconds:8.1f} {step.processor:8.1f}")
    listing = seconds_of([str(Path(sys.executable).with_name("kedro")), "registry", "list"])
    print(f"`kedro registry list` takes {listing:.1f} s, the median of {ROUNDS} rounds.")


if __name__ == "__main__":
    main()
