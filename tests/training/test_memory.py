import gc
import os
import resource
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from tiny_classifier import TinyClassifier

from chajong.training.memory import keep_freed_memory, release_memory, unwrap_forward


@pytest.fixture
def without_collection():
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def accelerator():
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    # One for the whole process, which an earlier training has made.
    AcceleratorState._reset_state(reset_partial_state=True)
    yield Accelerator(mixed_precision="bf16", cpu=True)
    AcceleratorState._reset_state(reset_partial_state=True)


def test_what_hangs_on_a_cycle_is_released(without_collection):
    model = TinyClassifier()
    model.itself = [model]
    left = weakref.ref(model)
    del model
    assert left() is not None
    release_memory()
    assert left() is None


def test_a_model_that_accelerate_wrapped_is_freed_and_answers_as_before(
    accelerator, without_collection
):
    model = TinyClassifier().eval()
    photos = torch.rand(2, 3, *TinyClassifier.image_size)
    given = photos, torch.tensor([0, 1]), torch.tensor([0, 1]), torch.ones(2)
    expected = model(*given)["loss"]
    accelerator.prepare(model)
    accelerator.free_memory()
    assert model(*given)["loss"] != expected
    unwrap_forward(model)
    assert model(*given)["loss"] == expected
    left = weakref.ref(model)
    del model
    assert left() is None


def test_a_model_that_nobody_wrapped_stays_as_it_is():
    model = TinyClassifier()
    before = dict(vars(model))
    unwrap_forward(model)
    assert vars(model) == before


def page_faults(pieces):
    """How often the system had to give memory while large pieces came and went."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(pieces):
        torch.ones(16_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="malloc is glibc's on Linux only")
def test_freed_memory_is_kept_until_it_is_released():
    script = "import test_memory; print(*test_memory.faults_before_while_and_after())"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    # A process of its own: what malloc is told holds to its end.
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    before, kept, released = map(int, run.stdout.split())
    assert kept < 0.4 * before
    assert released > 0


def faults_before_while_and_after():
    before = page_faults(10)
    keep_freed_memory()
    page_faults(3)
    kept = page_faults(10)
    release_memory()
    return before, kept, page_faults(1)
