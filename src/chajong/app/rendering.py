"""Answers as HTML, from templates: thumbnails inside, no address of the server."""

from __future__ import annotations

from base64 import b64encode
from functools import cache, lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from chajong.app.texts import reason_in, text
from chajong.names.grammar import parse_name
from chajong.photos.decode import decode_photo
from chajong.reports.rendering import environment

if TYPE_CHECKING:
    from jinja2 import Environment

    from chajong.app.service import CarModel
    from chajong.texts import Language

PREVIEW_SIDE = 640
"""Longest side in pixels of the photo that was asked about, as it is shown again."""


def render(template: str, **values: Any) -> str:
    """Draw a part of the page.

    Args:
        template: A file of the folder `templates`.
        values: What the template names.
    """
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    templates = environment("chajong.app", "chajong.reports")
    templates.filters["base64"] = lambda data: b64encode(data).decode()
    templates.globals |= {"text": text, "names": names, "reason_in": reason_in}
    return templates


@lru_cache(maxsize=4096)
def names(model: CarModel, language: Language) -> tuple[str, str]:
    """Give a model's name in the reader's language with its years, then the other without."""
    parsed = parse_name(model.name)
    pair = (parsed.stem.replace("_", " "), model.english)
    first, second = pair if language == "ko" else pair[::-1]
    years = dict.fromkeys(str(year) for year in (parsed.first_year, parsed.last_year) if year)
    return " ".join([first, "–".join(years)]).rstrip(), second


def preview(photo: bytes) -> bytes:
    """Make a photo upright and small, without what its file says beside the pixels.

    Returns:
        A JPEG.

    Raises:
        UnreadablePhotoError: It cannot be read.
    """
    small = Image.fromarray(decode_photo(photo, shortest_side=PREVIEW_SIDE))
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = BytesIO()
    small.save(file, "JPEG", quality=85)
    return file.getvalue()
