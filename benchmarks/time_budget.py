"""What a run with a time budget was planned to take, and what it took.

    python -m benchmarks.time_budget --raw path/to/photos --minutes 3 6
    OMP_NUM_THREADS=1 python -m benchmarks.time_budget --raw … --minutes 3 --by-processor

Each run is a new process with a new folder of results. Features that the folds need are extracted
before the folds are made; they count to the members, who find them in the cache. By processor, plan
and steps count what their process takes of it, as if the machine were quiet: one thread only, as
processes beside it are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from chajong.budget import MEMORY
from chajong.run_log import SECONDS

BY_CLOCK = "from kedro.framework.cli import main; main()"

BY_PROCESSOR = f"""
import time
time.perf_counter = time.process_time
import psutil
psutil.getloadavg = lambda: (0.0, 0.0, 0.0)
import chajong.run_log
chajong.run_log.monotonic = time.process_time
{BY_CLOCK}
"""

FOR_FOLDS = "data_processing.extract_features"


def main() -> None:
    """Run with every budget, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--environment", default="cpu")
    parser.add_argument("--minutes", type=float, nargs="+", required=True)
    parser.add_argument("--by-processor", action="store_true")
    given = parser.parse_args()
    for minutes in given.minutes:
        print(f"\nminutes={minutes:g}, load {os.getloadavg()[0]:.1f} before")
        with TemporaryDirectory() as results:
            clock, processor = run_seconds(given, minutes, Path(results))
            print_table(Path(results))
        print(f"load {os.getloadavg()[0]:.1f} after; the whole command with its trial:", end=" ")
        print(f"{clock:.0f} s, of a processor {processor:.0f} s", flush=True)


def run_seconds(given: argparse.Namespace, minutes: float, results: Path) -> tuple[float, float]:
    """Run; gives the seconds of the clock and of processors."""
    places = f"raw_dir={given.raw.absolute()},data_dir={results},minutes={minutes:g}"
    program = BY_PROCESSOR if given.by_processor else BY_CLOCK
    command = [sys.executable, "-c", program, "run", "--env", given.environment]
    started, before = time.perf_counter(), processor_seconds()
    subprocess.run([*command, "--params", places], capture_output=True, check=True)
    return time.perf_counter() - started, processor_seconds() - before


def processor_seconds() -> float:
    """Give what processes that have ended took of processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_table(results: Path) -> None:
    """Set beside each other what was planned and what each member's steps took."""
    (plan,) = json.loads((results / MEMORY).read_bytes())["choices"].values()
    took = json.loads((results / SECONDS).read_bytes())
    print(f"{'':24}  planned, s  took, s")
    for member, size in plan["sizes"].items():
        own = sum(seconds for step, seconds in took.items() if step.startswith(f"{member}."))
        print(f"{member:24}  {size['seconds']:10.0f}  {own:7.0f}  {json.dumps(size['changes'])}")
    for_folds = took[FOR_FOLDS]
    print(f"{'features for folds':24}  {'':10}  {for_folds:7.0f}")
    of_members = [
        step for step in took if step.partition(".")[0] in plan["sizes"] or step == FOR_FOLDS
    ]
    members = sum(took[step] for step in of_members)
    planned = sum(size["seconds"] for size in plan["sizes"].values())
    print(f"{'members together':24}  {planned:10.0f}  {members:7.0f}")
    print(f"{'all else':24}  {plan['rest']:10.0f}  {sum(took.values()) - members:7.0f}")
    print(f"{'together':24}  {planned + plan['rest']:10.0f}  {sum(took.values()):7.0f}")


if __name__ == "__main__":
    main()
