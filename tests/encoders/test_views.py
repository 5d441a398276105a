import numpy as np
import pytest
import torch
from torch import backends

from chajong.device import float32_settings_kept
from chajong.encoders import views as views_module
from chajong.encoders.encoder import EncoderError
from chajong.encoders.views import ViewAverage
from chajong.photos.resizing import Preparation

SIZE = (16, 24)


def answer(photos):
    """Look at every pixel by itself, so that mirror images and zooms differ."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3 * SIZE[0] * SIZE[1], 2, generator=generator) / 100
    return photos.float().flatten(1).tanh() @ weights + photos.float().flatten(1) @ weights / 255


def average_of(flip, zoom, batch_size=4):
    preparation = Preparation(*SIZE, zoom=zoom)
    return ViewAverage(answer, preparation, flip=flip, batch_size=batch_size)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("zoom", [(1.0,), (1.0, 1.3), (1.1, 1.2, 1.5)])
def test_the_answer_is_the_mean_of_an_obvious_loop_over_views(flip, zoom):
    generator = torch.Generator().manual_seed(1)
    shape = (5, len(zoom), 3, *SIZE)
    photos = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    expected = []
    for photo in photos:
        views = list(photo)
        if flip:
            views += [torch.flip(view, dims=[2]) for view in photo]
        expected.append(sum(answer(view[None])[0] for view in views) / len(views))
    encoded = average_of(flip, zoom).encode(photos)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, torch.stack(expected), atol=1e-5)


def photos_of(count=2, zooms=1):
    return torch.zeros(count, zooms, 3, *SIZE, dtype=torch.uint8)


@pytest.mark.parametrize("flip", [False, True])
def test_joined_answers_to_zooms_stand_side_by_side(flip):
    generator = torch.Generator().manual_seed(1)
    photos = torch.randint(0, 256, (5, 2, 3, *SIZE), dtype=torch.uint8, generator=generator)
    views = ViewAverage(answer, Preparation(*SIZE), flip=flip, batch_size=4, join=True)
    by_zoom = [average_of(flip, (1.0,)).encode(photos[:, [zoom]]) for zoom in (0, 1)]
    np.testing.assert_allclose(views.encode(photos), np.hstack(by_zoom), atol=1e-5)


@pytest.fixture
def tf32_everywhere():
    """What a training with `compile` leaves behind on a GPU that has TF32."""
    with float32_settings_kept():
        backends.fp32_precision = "tf32"
        yield


@pytest.mark.usefixtures("tf32_everywhere")
def test_exact_answers_are_multiplied_in_float32_by_the_library_that_is_there():
    seen = []

    def spy(photos):
        seen.append(backends.cudnn.enabled)
        kinds = (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul)
        seen.extend(kind.fp32_precision for kind in kinds)
        return torch.zeros(len(photos), 2)

    ViewAverage(spy, Preparation(*SIZE), flip=False, batch_size=4).encode_exactly(photos_of())
    assert seen == [True, "ieee", "ieee", "ieee"]
    assert backends.cudnn.conv.fp32_precision == "tf32"


def test_an_answer_that_overflows_in_float16_is_refused(monkeypatch):
    monkeypatch.setattr(views_module, "best_precision", lambda wide_range: torch.float16)

    def large(photos):
        return (torch.eye(len(photos)) * 300) @ (torch.eye(len(photos)) * 300)

    views = ViewAverage(large, Preparation(*SIZE), flip=False, batch_size=4)
    with pytest.raises(EncoderError, match=r"overflow in float16.*capability 8\.0"):
        views.encode(photos_of())
    np.testing.assert_array_equal(views.encode_exactly(photos_of()), 90000 * np.eye(2))
