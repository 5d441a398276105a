"""Photos decoded ahead of the model that reads them."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Key = TypeVar("Key")
Loaded = TypeVar("Loaded")

BATCHES_AHEAD = 3
"""Batches that are decoded before the model asks for them: enough to hide a slow photo."""


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
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        waiting = deque(
            threads.submit(load, key) for key in islice(remaining, batch_size * BATCHES_AHEAD)
        )
        while waiting:
            batch = [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
            waiting.extend(threads.submit(load, key) for key in islice(remaining, len(batch)))
            yield batch
