"""Answers as HTML: thumbnails inside, every name escaped, no address of the server."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from chajong.app.texts import text
from chajong.photos.decode import decode_photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.app.service import CarModel, Confusion, MemberOpinion, Recognition, SimilarPhoto
    from chajong.app.texts import Language

PREVIEW_SIDE = 640
"""Longest side in pixels of the photo that was asked about, as it is shown again."""


def names(model: CarModel, language: Language) -> tuple[str, str]:
    """Give a model's name in the reader's language first, then the other."""
    pair = (model.name.replace("_", " "), model.english)
    return pair if language == "ko" else pair[::-1]


def name_html(model: CarModel, language: Language) -> str:
    """Write a model's name in the reader's language, with the other one beside it."""
    first, second = names(model, language)
    other = "" if second == first else f' <span class="other">{escape(second)}</span>'
    return f'<span class="names"><b>{escape(first)}</b>{other}</span>'


def preview_html(photo: bytes, language: Language) -> str:
    """Show a photo again, upright and small, without what its file says beside the pixels.

    Raises:
        UnreadablePhotoError: It cannot be read.
    """
    small = Image.fromarray(decode_photo(photo, shortest_side=PREVIEW_SIDE))
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = BytesIO()
    small.save(file, "JPEG", quality=85)
    shown = _image(file.getvalue(), text("your_photo", language))
    return f'<figure class="preview">{shown}</figure>'


def _image(jpeg: bytes, description: str) -> str:
    data = b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(description)}">'


def recognition_html(found: Recognition, photo: str, language: Language) -> str:
    """Show an answer.

    Args:
        found: The answer.
        photo: The photo as HTML, from `preview_html`.
        language: The reader's.
    """
    parts = [photo, _heading("models", language), _models(found, language)]
    if found.similar:
        parts += [_heading("similar", language), cards_html(found.similar, language)]
    parts.append(_heading("why", language))
    if any(evidence.nearest for evidence in found.evidence):
        nearest = [evidence.nearest for evidence in found.evidence if evidence.nearest]
        parts.append(f"<p>{text('nearest_of', language)}</p>{cards_html(nearest, language)}")
    parts.append(_opinions(found.opinions, language))
    return f'<div class="answer" lang="{language}">{"".join(parts)}</div>'


def _heading(name: str, language: Language) -> str:
    return f"<h2>{text(name, language)}</h2>"


def _models(found: Recognition, language: Language) -> str:
    rows = "".join(
        f'<li><div class="named">{name_html(each.model, language)}'
        f'<span class="percent">{each.probability:.1%}</span></div>'
        f'<div class="bar" style="width:{100 * each.probability:.1f}%"></div></li>'
        for each in found.models
    )
    best = found.models[0].probability
    explained = text("calibrated", language).format(percent=f"{best:.0%}", right=round(100 * best))
    return f'<ol class="models">{rows}</ol><p>{explained}</p>'


def cards_html(photos: Sequence[SimilarPhoto], language: Language) -> str:
    """Show known photos with their models and distances."""
    if not photos:
        return f"<p>{text('nothing_found', language)}</p>"
    cards = "".join(
        f"<figure>{_image(photo.thumbnail, names(photo.model, language)[0])}"
        f"<figcaption>{name_html(photo.model, language)}"
        f"<span>{text('distance', language)} {max(photo.distance, 0):.2f}</span>"
        "</figcaption></figure>"
        for photo in photos
    )
    return f'<div class="cards" lang="{language}">{cards}</div>'


def _opinions(opinions: Sequence[MemberOpinion], language: Language) -> str:
    head = "".join(f"<th>{text(name, language)}</th>" for name in ("member", "weight", "says"))
    rows = "".join(
        f"<tr><td>{escape(opinion.member)}</td><td>{opinion.weight:.2f}</td><td>"
        + "<br>".join(
            f"{escape(names(each.model, language)[0])} {each.probability:.0%}"
            for each in opinion.models
        )
        + "</td></tr>"
        for opinion in opinions
    )
    return (
        f"<p>{text('members', language)}</p>"
        f'<table class="members"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def confusions_html(confusions: Sequence[Confusion], language: Language) -> str:
    """Show which models are taken for which."""
    if not confusions:
        return f"<p>{text('no_confusions', language)}</p>"
    columns = ("given", "predicted", "photos", "share")
    head = "".join(f"<th>{text(name, language)}</th>" for name in columns)
    rows = "".join(
        f"<tr><td>{name_html(each.given, language)}</td>"
        f"<td>{name_html(each.predicted, language)}</td>"
        f"<td>{each.photos}</td><td>{each.photos / each.of:.0%}</td></tr>"
        for each in confusions
    )
    return (
        f'<table class="confusions" lang="{language}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def problem_html(message: str, language: Language) -> str:
    """Say what did not work, so that screen readers say it too."""
    return f'<p class="problem" role="alert" lang="{language}">{escape(message)}</p>'
