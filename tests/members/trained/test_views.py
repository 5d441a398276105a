import numpy as np
import torch

from chajong.encoders.encoder import Preparation
from chajong.encoders.extraction import prepare_photo
from chajong.encoders.views import ViewAverage
from chajong.members.trained.views import answers

SIZE = (16, 24)


def answer(photos):
    """Look at every pixel by itself, so that mirror images and zooms differ."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3 * SIZE[0] * SIZE[1], 2, generator=generator) / 100
    return photos.float().flatten(1).tanh() @ weights + photos.float().flatten(1) @ weights / 255


def average_of(flip, zoom, batch_size=4):
    preparation = Preparation(*SIZE, zoom=zoom)
    return ViewAverage(answer, preparation, flip=flip, batch_size=batch_size)


def test_every_photo_is_asked_about_in_order_and_as_often_as_named(make_tables, tmp_path):
    tables = make_tables(tmp_path)
    contents = tables.contents_of(tables.folds["photo_id"][:7])
    contents += contents[2:4]
    views = average_of(flip=True, zoom=(1.0, 1.2))
    expected = [
        views.encode(
            torch.from_numpy(prepare_photo(tables.store.jpeg(name), views.preparation))[None]
        )
        for name in contents
    ]
    given = answers(contents, tables.store, views, "차종")
    np.testing.assert_allclose(given, np.concatenate(expected), atol=1e-5)
