"""A contact sheet of a project's own photos as training sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.decode import decode_photo
from chajong.photos.table import readable_photos
from chajong.training.contact_sheet import contact_sheet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from chajong.photos.store import PhotoStore
    from chajong.training.parameters import TrainingParameters

SHEET_PHOTOS = 6


def draw_contact_sheet(
    photos: pd.DataFrame,
    store: PhotoStore,
    parameters: TrainingParameters,
    image_size: tuple[int, int],
) -> Figure:
    """Draw a few train photos of different classes as evaluation and as training see them.

    Args:
        photos: The `photos` table.
        store: The photos themselves.
        parameters: Augmentation, mixing and seed.
        image_size: Height and width in pixels of the model's input.

    Returns:
        The sheet.
    """
    train = readable_photos(photos, "train").drop_duplicates("class_name")
    random = np.random.default_rng(parameters.seed)
    chosen = train.iloc[np.sort(random.permutation(len(train))[:SHEET_PHOTOS])]
    return contact_sheet(
        [decode_photo(store.jpeg(content)) for content in chosen["sha256"]],
        chosen["class_name"].tolist(),
        parameters.augmentation,
        parameters.mixing,
        *image_size,
        seed=parameters.seed,
    )
