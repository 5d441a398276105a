"""Answers as HTML, from templates: thumbnails inside, no address of the server."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from chajong.app.texts import text
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
    templates.globals |= {"text": text, "names": names}
    return templates


def names(model: CarModel, language: Language) -> tuple[str, str]:
    """Give a model's name in the reader's language first, then the other."""
    pair = (model.name.replace("_", " "), model.english)
    return pair if language == "ko" else pair[::-1]


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
