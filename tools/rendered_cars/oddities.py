"""What goes wrong in real folders of photos, for tests and for the audit to find."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from PIL import Image

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.grammar import parse_name
from tools.rendered_cars.photo import encode_jpeg

TRUNCATED_BYTES = 700
"""A JPEG file cut off here still looks like one but has no complete picture."""


def nfd_class(classes: Sequence[str]) -> str | None:
    """The class whose folder is named in NFD: the first that has another spelling in NFD."""
    return next((name for name in classes if unicodedata.normalize("NFD", name) != name), None)


def add_oddities(folder: Path, classes: Sequence[str]) -> None:
    """Add flawed photos to a rendered folder, each beside the class's regular ones.

    * the first class gets a near-duplicate of its first photo: cropped and encoded again;
    * a class gets a copy of a sibling's photo, so that one picture has two labels;
    * the last class gets a truncated JPEG file;
    * the test photo in the middle is truncated.

    Args:
        folder: A folder in the challenge's layout, with two classes or more.
        classes: Class names in NFC.
    """
    directories = {
        unicodedata.normalize("NFC", path.name): path for path in (folder / "train").iterdir()
    }
    first, last = directories[classes[0]], directories[classes[-1]]
    _next_path(first).write_bytes(_near_duplicate(_photos(first)[0]))
    original, copy = (directories[name] for name in _siblings(classes))
    _next_path(copy).write_bytes(_photos(original)[1].read_bytes())
    _next_path(last).write_bytes(_photos(last)[0].read_bytes()[:TRUNCATED_BYTES])
    tests = _photos(folder / "test")
    middle = tests[len(tests) // 2]
    middle.write_bytes(middle.read_bytes()[:TRUNCATED_BYTES])


def _photos(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _next_path(directory: Path) -> Path:
    return directory / f"{directory.name}_{len(_photos(directory)):04d}.jpg"


def _near_duplicate(photo: Path) -> bytes:
    with Image.open(io.BytesIO(photo.read_bytes())) as image:
        width, height = image.size
        cropped = image.crop((2, 1, width - 1, height - 1)).resize((width, height))
    return encode_jpeg(cropped, quality=80)


def _siblings(classes: Sequence[str]) -> tuple[str, str]:
    """Two classes of one model line that are not aliases, or else the first two classes."""
    effective = merge_aliases(classes, CHALLENGE_ALIASES)
    pairs = (
        pair
        for pair in combinations(classes, 2)
        if parse_name(pair[0]).base == parse_name(pair[1]).base
        and effective[pair[0]] != effective[pair[1]]
    )
    return next(pairs, (classes[0], classes[1]))
