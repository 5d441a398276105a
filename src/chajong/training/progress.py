"""How far trainings are that other processes compute, which cannot share a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PHOTOS_SEEN_FILE = "photos_seen.txt"

LOOKED_AT_EVERY = 1.0
"""Seconds between two looks at how far the work is."""


def note_photos_seen(folder: Path, count: int) -> None:
    """Note in a training's folder how many photos it has seen."""
    # Replaced, so that nobody reads half a number; on no account does it wait for the disk.
    unfinished = folder / f"{PHOTOS_SEEN_FILE}.new"
    unfinished.write_text(str(count), encoding="utf-8")
    unfinished.replace(folder / PHOTOS_SEEN_FILE)


def photos_seen(folder: Path) -> int:
    """Read how many photos a training has seen, 0 where it has not begun."""
    file = folder / PHOTOS_SEEN_FILE
    return int(file.read_text(encoding="utf-8")) if file.exists() else 0


@contextmanager
def following_bar(title: str, total: int, count: Callable[[], int]) -> Iterator[None]:
    """Show a bar of photos that moves to what is counted, while the block waits for others."""
    ended = Event()
    with tqdm(total=total, initial=count(), desc=title, unit=" photos", smoothing=0.05) as bar:

        def follow() -> None:
            while not ended.wait(LOOKED_AT_EVERY):
                bar.update(count() - bar.n)

        looking = Thread(target=follow, daemon=True)
        looking.start()
        try:
            yield
        finally:
            ended.set()
            looking.join()
            bar.update(count() - bar.n)
