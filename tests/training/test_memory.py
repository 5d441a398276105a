import gc
import weakref

import pytest
import torch
from tiny_classifier import TinyClassifier

from chajong.training.memory import release_memory, unwrap_forward


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
