"""Where a trained member finds the label and its answer in its hardest photos."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from chajong.photos.decode import decode_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chajong.photos.store import PhotoStore
    from chajong.reports.scored_photos import ScoredPhotos

    Ask = Callable[[Sequence[str], Sequence[int], np.ndarray], list[np.ndarray]]
    """From photos, the folds of the models that look and classes to maps; see `HeatMapper`."""

SHOWN_PHOTOS = 8
SIZE = (320, 240)
"""Pixels of a picture at most."""

COLUMNS = ("member", "photo_id", "of", "class_name", "probability", "picture")

STOPS, COLOURS = (0.0, 0.5, 1.0), ((40, 60, 200), (250, 210, 40), (220, 20, 20))
"""From cold to hot: blue, yellow, red."""

OPACITY = 0.65
"""Of the hottest place."""


def heat_map_table(
    member: str, scored: ScoredPhotos, folds: pd.Series[int], ask: Ask, store: PhotoStore
) -> pd.DataFrame:
    """Draw the photos with the highest loss, once for their class and once for the answer.

    Args:
        member: The member.
        scored: Its answers.
        folds: The fold of each train photo, by `photo_id`.
        ask: Says where its fold models find classes.
        store: The photos as they are shown.

    Returns:
        Two rows a photo, the hardest first: `COLUMNS`, with `label` or `guess` as `of` and
        `picture` a JPEG in base64.
    """
    hardest = scored.take(np.argsort(-scored.losses, kind="stable")[:SHOWN_PHOTOS])
    asked = np.stack([hardest.labels, hardest.guesses], axis=1).astype(np.int64)
    maps = ask(list(hardest.sha256s), folds.loc[hardest.photo_ids].tolist(), asked)
    probabilities = np.stack([np.exp(-hardest.losses), hardest.confidences], axis=1)
    rows = []
    for photo, found in enumerate(maps):
        jpeg = store.jpeg(hardest.sha256s[photo])
        for place, of in enumerate(("label", "guess")):
            name = hardest.class_names[asked[photo, place]]
            picture = b64encode(overlaid(jpeg, found[place])).decode()
            identity = (member, hardest.photo_ids[photo], of, name)
            rows.append((*identity, float(probabilities[photo, place]), picture))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def overlaid(jpeg: bytes, heat: np.ndarray) -> bytes:
    """Lay a map over a photo, its hottest place in red; a map of zeros leaves the photo as it is.

    Args:
        jpeg: The photo.
        heat: float32 [rows, columns] from 0, over the whole photo.

    Returns:
        A JPEG.
    """
    photo = Image.fromarray(decode_photo(jpeg, shortest_side=min(SIZE)))
    photo.thumbnail(SIZE)
    share = heat / max(float(heat.max()), np.finfo(np.float32).tiny)
    grown = Image.fromarray(share.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR)
    warmth = np.clip(np.asarray(grown), 0, 1)[..., None]
    channels = [np.interp(warmth[..., 0], STOPS, channel) for channel in zip(*COLOURS, strict=True)]
    opacity = OPACITY * warmth
    mixed = (1 - opacity) * np.asarray(photo) + opacity * np.stack(channels, axis=-1)
    file = BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(file, "JPEG", quality=80)
    return file.getvalue()
