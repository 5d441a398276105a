"""Memory that does not grow with the photos."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIDE = (800, 600)
DECODED_KILOBYTES = SIDE[0] * SIDE[1] * 3 / 1024
FEW, MANY = 50, 400

RUN = """
import json, sys
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from chajong.runner import QuickStepsFirst

project, parameters = sys.argv[1], json.loads(sys.argv[2])
bootstrap_project(project)
with KedroSession.create(project, runtime_params=parameters) as session:
    session.run(runner=QuickStepsFirst(), pipeline_names=["data_processing", "feature_extraction"])
print(open("/proc/self/status").read())
"""


def write_photos(folder, count):
    random = np.random.default_rng(0)
    for number in range(count):
        split = "test" if number % 10 == 0 else f"train/car {number % 4}"
        file = folder / split / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = random.integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(picture).resize(SIDE).save(file, quality=80)


def peak_kilobytes(project, parameters):
    """Run from photos to features in a process of its own, and say how much memory it took."""
    command = [sys.executable, "-c", RUN, str(project), json.dumps(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from Linux")
def test_eight_times_the_photos_take_no_more_memory(tmp_path, project, quick_parameters):
    peaks = {}
    for count in (FEW, MANY):
        raw_dir = tmp_path / f"raw {count}"
        write_photos(raw_dir, count)
        folders = {"raw_dir": str(raw_dir), "data_dir": str(tmp_path / str(count))}
        peaks[count] = peak_kilobytes(project, quick_parameters | folders)
    assert peaks[MANY] - peaks[FEW] < 0.2 * (MANY - FEW) * DECODED_KILOBYTES, peaks
