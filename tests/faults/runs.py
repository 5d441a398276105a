"""Runs of the graph in processes of their own, which can be ended at any moment.

As a program it imports everything once, and then forks a process a run: one line of JSON on
standard input describes a run, one line on standard output says how it ended.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path

from chajong.runner import QuickStepsFirst

PROJECT = Path(__file__).parents[2]

OTHERS = dict.fromkeys(("clip_frozen", "clip", "clip_zero_shot", "backbone", "fusion", "vlm"))
HOG = {
    "encoder": {"width": 48, "height": 32, "cell": 16},
    "heads": {"kinds": ["prototypes"], "shrinkages": [0.3]},
}
TRAINED = {
    "kind": "backbone",
    "model": {
        "model": "test_byobnet", "weights": "random", "image_size": [32, 48], "flip": False,
        "zoom": [1.0], "prediction_batch_size": 32,
    },
    "training": {
        "epochs": 1, "batch_size": 16, "learning_rate": 5e-4, "head_learning_rate": 0.01,
        "save_every": 2,
    },
}  # fmt: skip
"""A network that trains in seconds, with a checkpoint every second step."""

RESULTS = ("03_primary", "04_feature", "05_model_input", "07_model_output")

FILE_OPERATIONS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}


def parameters_of(raw, data, trained):
    """Describe a run of HOG, and of a trained network where it is asked for."""
    members = {"hog": HOG} | OTHERS | ({"byob": TRAINED} if trained else {})
    return {"raw_dir": str(raw), "data_dir": str(data)} | members


def results_of(data):
    """Hash what a run computed, by path; figures with times and versions are left out."""
    return {
        path.relative_to(data).as_posix(): sha256(path.read_bytes()).hexdigest()
        for folder in RESULTS
        for path in sorted((data / folder).rglob("*"))
        if path.suffix in (".arrow", ".parquet", ".csv")
    }


class Runner:
    """Asks the program below for runs."""

    def __init__(self, threads=1):
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
        self._program = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT,
        )  # fmt: skip

    def start(self, raw, data, pipelines=("__default__",), trained=False, **ended):
        """Start a run; `operation` or `seconds` says when it is killed."""
        parameters = parameters_of(raw, data, trained)
        asked = {"parameters": parameters, "pipelines": list(pipelines), **ended}
        self._program.stdin.write(json.dumps(asked) + "\n")
        self._program.stdin.flush()

    def end(self):
        """Wait for a run that was started: its exit code (-9 where it was killed) and its error."""
        return json.loads(self._program.stdout.readline())

    def run(self, *arguments, **ended):
        self.start(*arguments, **ended)
        return self.end()

    def close(self):
        self._program.stdin.close()
        self._program.wait()


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print is no answer
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    import cleanlab  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import timm  # noqa: F401
    from transformers import Trainer  # noqa: F401

    import chajong.hooks
    import chajong.members.kinds.backbone
    import chajong.reports.report  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _run(asked, writing)
        os.close(writing)
        if "seconds" in asked:
            time.sleep(asked["seconds"])
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        with os.fdopen(reading) as pipe:
            error = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(json.dumps({"status": status, "error": error}) + "\n")


def _run(asked, writing):
    from kedro.framework.session import KedroSession

    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    try:
        if asked.get("unlocked"):
            _without_locks()
        if "operation" in asked:
            _kill_at(asked["operation"], asked["parameters"]["data_dir"])
        with KedroSession.create(PROJECT, runtime_params=asked["parameters"]) as session:
            session.run(runner=QuickStepsFirst(), pipeline_names=asked["pipelines"])
    except BaseException as error:
        told = f"{error}\n" + "".join(traceback.format_exception(error))
        os.write(writing, told.encode()[:60_000])
        os._exit(1)
    os._exit(0)


def _without_locks():
    """Let every run have the folder, as on a disk that knows no locks."""
    from contextlib import nullcontext

    import chajong.hooks

    class NoLock(nullcontext):
        def release(self):
            pass

    def occupy(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return NoLock()

    chajong.hooks.occupy = occupy


def _kill_at(operation, data):
    """End this process at a file operation below the data folder, as a power cut would."""
    left = [operation]

    def hook(event, arguments):
        is_write = event == "open" and isinstance(arguments[1], str) and "w" in arguments[1]
        if not is_write and event not in FILE_OPERATIONS:
            return
        if str(arguments[0]).startswith(data):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
