"""Seconds to the first answer and to later ones, on cores that are free and on busy ones.

    python -m benchmarks.busy_cores --photos data/01_raw/sample/test --busy 0 1 2

Each measurement is a new process that loads the saved ensemble and answers photo by photo. Threads
that wait for others spin, as OpenMP's libraries do unless they are told otherwise, or sleep, as
`chajong.threads` lets them. The busy cores compute without end beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS = {"spin": None, "sleep": "PASSIVE"}
"""The word for OpenMP by what a waiting thread does; None leaves it to the library."""

POLICY, THREADS = "OMP_WAIT_POLICY", "OMP_NUM_THREADS"

ANSWERS = """
import os, sys, time
policy = os.environ.get("OMP_WAIT_POLICY")
from chajong import CarClassifier
if policy is None:
    del os.environ["OMP_WAIT_POLICY"]  # before torch reads it
from chajong.inference.given_photos import photo_files
ensemble, photos, count = sys.argv[1:]
started = time.perf_counter()
cars = CarClassifier.load(ensemble)
for file in photo_files(photos)[: int(count)]:
    cars.answer([file])
    print(time.perf_counter() - started)
    started = time.perf_counter()
"""

BUSY = "while True: pass"


def main() -> None:
    """Measure every way on every number of busy cores, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--ensemble", type=Path, default=Path("data/06_models/ensemble"))
    parser.add_argument("--photos", type=Path, default=Path("data/01_raw/sample/test"))
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    print("busy  threads  waiting  first answer, s  later ones, s (median)")
    for busy in given.busy:
        for threads in given.threads:
            for way, policy in WAYS.items():
                with busy_cores(busy):
                    first, *later = answer_seconds(given, threads, policy)
                told = f"{busy:4}  {threads:7}  {way:7}  {first:15.1f}  {median(later):13.2f}"
                print(told, flush=True)


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Let so many processes compute without end."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def answer_seconds(given: argparse.Namespace, threads: int, policy: str | None) -> list[float]:
    """Answer in a new process; gives the seconds of each answer."""
    environment = {name: value for name, value in os.environ.items() if name != POLICY}
    environment |= {THREADS: str(threads)} | ({POLICY: policy} if policy else {})
    command = [sys.executable, "-c", ANSWERS, str(given.ensemble), str(given.photos)]
    run = subprocess.run(
        [*command, str(given.count)], env=environment, capture_output=True, text=True, check=True
    )
    return [float(line) for line in run.stdout.split()]


if __name__ == "__main__":
    main()
