"""What sealing and checking what a run stores cost, beside the run itself.

::

    python -m benchmarks.sealing [folder of photos]

Runs the members that train no network twice, into an empty folder and then with everything there
already, and prints the seconds of each run and of the hashing inside it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from chajong import manifest
from chajong.runner import QuickStepsFirst

PROJECT = Path(__file__).parents[1]
TRAINED = dict.fromkeys(("clip", "backbone", "fusion", "vlm"))


def main() -> None:
    """Measure both runs."""
    photos = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "data" / "01_raw" / "sample"
    bootstrap_project(PROJECT)
    spent = [0.0]
    plain = manifest.fingerprint

    def timed(path: Path) -> str:
        started = time.perf_counter()
        found = plain(path)
        spent[0] += time.perf_counter() - started
        return found

    manifest.fingerprint = timed
    with tempfile.TemporaryDirectory() as data:
        for title in ("first run", "second run"):
            spent[0] = 0.0
            manifest._HASHES.clear()
            started = time.perf_counter()
            runtime = {"raw_dir": str(photos.resolve()), "data_dir": data} | TRAINED
            with KedroSession.create(PROJECT, runtime_params=runtime) as session:
                session.run(runner=QuickStepsFirst())
            seconds = time.perf_counter() - started
            print(
                f"{title}: {seconds:.1f} s, of which hashing {spent[0]:.2f} s "
                f"({spent[0] / seconds:.2%})",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
