"""Sections in processes of their own: what goes wrong in one does not reach the next."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu_check.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Work:
    """Sections at work in a process.

    Attributes:
        sections: Their names.
        process: The process, which leads a group of its own.
        rows: The file that it appends its rows to.
    """

    sections: tuple[str, ...]
    process: subprocess.Popen[bytes]
    rows: Path

    def finish(self, ends: float) -> list[Row]:
        """Wait for the process, and stop it and its children when its time is over.

        Args:
            ends: On the clock `time.monotonic`.

        Returns:
            Its rows, and one more where it did not come to its end.
        """
        try:
            in_time = self._has_ended(ends)
        finally:
            self.stop()
        rows = self._read()
        # The section at work is the one that gave the last row, or the first.
        section = rows[-1].section if rows else self.sections[0]
        if not in_time:
            return [*rows, Row(section, "the rest", "skipped", note="stopped: the time was over")]
        if self.process.returncode:
            status = self.process.returncode
            note = f"the process ended with status {status}; its own words are above"
            return [*rows, Row(section, "the rest", "failed", note=note)]
        return rows

    def stop(self) -> None:
        """End the process and its children if it is still at work."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _has_ended(self, ends: float) -> bool:
        try:
            self.process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self) -> list[Row]:
        lines = self.rows.read_text(encoding="utf-8").splitlines() if self.rows.exists() else []
        return [Row(**json.loads(line)) for line in lines]


def start(
    sections: Sequence[str], folder: Path, seconds: float, *, estimate: bool = False, dry: bool
) -> Work:
    """Start the measurements of some sections.

    Args:
        sections: Their names.
        folder: Takes the file of rows.
        seconds: How long they may take together.
        estimate: Whether estimates are made and nothing is measured.
        dry: Whether models are small, and a GPU is left alone.
    """
    rows = folder / f"{'estimates' if estimate else sections[0]}.jsonl"
    worker = [sys.executable, "-m", "benchmarks.gpu_check.worker"]
    command = [*worker, str(rows), "--sections", *sections]
    command += ["--seconds", str(seconds), *["--estimate"] * estimate, *["--dry"] * dry]
    process = subprocess.Popen(command, env=_environment(dry=dry), start_new_session=True)
    return Work(tuple(sections), process, rows)


def _environment(*, dry: bool) -> dict[str, str]:
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Small models on few cores: threads would wait for one another.
    on_cpu = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"} if dry else {}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1", **on_cpu}
