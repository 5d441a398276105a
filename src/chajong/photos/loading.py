"""Photos decoded, resized and batched ahead of the model that reads them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from chajong.threads import processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from chajong.photos.resizing import Preparation
    from chajong.photos.store import PhotoStore

Key = TypeVar("Key")
Loaded = TypeVar("Loaded")

BATCHES_AHEAD = 3
"""Batches that are decoded before the model asks for them: enough to hide a slow photo."""


def photo_batches(
    contents: Sequence[str],
    store: PhotoStore,
    preparation: Preparation,
    batch_size: int,
    title: str | None = None,
) -> Iterator[np.ndarray]:
    """Prepare photos while a model is asked about those before them.

    Args:
        contents: sha-256 of each photo, repeated where photos are identical.
        store: The photos.
        preparation: The model's input.
        batch_size: Photos a batch.
        title: What the progress bar calls the work; there is none without it.

    Yields:
        uint8 [photos, zooms, 3, height, width], in the order of the contents.
    """
    from tqdm import tqdm

    def load(content: str) -> np.ndarray:
        return preparation.pictures(store.jpeg(content))

    # Where there is a title, the environment may still say that there are no bars.
    shown = tqdm if title else partial(tqdm, disable=True)
    with shown(total=len(contents), desc=title, unit=" photos", smoothing=0.05) as progress:
        for batch in load_ahead(contents, load, batch_size):
            yield np.stack(batch)
            progress.update(len(batch))


def load_ahead(
    keys: Iterable[Key], load: Callable[[Key], Loaded], batch_size: int
) -> Iterator[list[Loaded]]:
    """Load items in threads, ahead of whoever consumes them, and hand them over in order.

    Decoders release Python's global lock, so threads use every core without copying photos
    between processes.

    Args:
        keys: What to load.
        load: Loads one item; it is called from several threads.
        batch_size: Items a batch.

    Yields:
        Batches in the order of the keys; the last may be smaller.
    """
    remaining = iter(keys)
    with ThreadPoolExecutor(processors()) as threads:
        waiting = deque(
            threads.submit(load, key) for key in islice(remaining, batch_size * BATCHES_AHEAD)
        )
        while waiting:
            batch = [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
            waiting.extend(threads.submit(load, key) for key in islice(remaining, len(batch)))
            yield batch
