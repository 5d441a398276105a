"""Pages from templates: whatever is text stays text, and a page needs no other file."""

from __future__ import annotations

from base64 import b64encode
from functools import cache, partial
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from chajong.ensembling.texts import told
from chajong.photos.decode import decode_photo
from chajong.reports.texts import called, text, worded

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.texts import Language

NOTHING = "–"
_THUMBNAIL = (320, 240)


def render(template: str, language: Language, **values: Any) -> str:
    """Draw a page.

    Args:
        template: A file of the folder `templates`.
        language: The reader's.
        values: What the template names.
    """
    return _templates(language).get_template(template).render(values)


@cache
def _templates(language: Language) -> Environment:
    templates = environment("chajong.reports")
    templates.globals |= {"language": language, "text": partial(text, language=language)}
    templates.filters["worded"] = partial(worded, language=language)
    templates.filters["called"] = partial(called, language=language)
    templates.filters["told"] = partial(told, language=language)
    return templates


def environment(*packages: str) -> Environment:
    """Set up templates that escape every text, and stop at a name that nobody gave.

    Args:
        packages: Packages with a folder `templates`; the first that has a file gives it.
    """
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "breakable": breakable,
        "number": number,
        "placed": placed,
        "thumbnail": thumbnail,
    }
    templates.tests["finite"] = isfinite
    return templates


def breakable(words: str) -> Markup:
    """Let the long names in a text break at their separators."""
    paths = (Markup("_<wbr>").join(path.split("_")) for path in words.split("/"))
    return Markup("/<wbr>").join(paths)


def number(value: float, form: str) -> str:
    """Write a number, or a dash where there is none.

    Args:
        value: May be NaN or infinite.
        form: As `format` wants it.
    """
    return format(value, form) if isfinite(value) else NOTHING


def placed(figure: Figure) -> Figure:
    """Give a chart as it stands on a page, under a title that is the page's own.

    Args:
        figure: A figure with a title and a height; it stays as it is.
    """
    from plotly.graph_objects import Figure

    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    has_legend = figure.layout.showlegend is not False and len(named) > 1
    # Only what stands above the axes, a legend or panel titles, needs room there.
    room = 40 if has_legend or figure.layout.annotations else 12
    return Figure(figure).update_layout(title=None, dragmode=False, margin_t=room)


def thumbnail(jpeg: bytes) -> str:
    """Shrink a photo to at most 320 x 240 pixels and write it as base64."""
    picture = Image.fromarray(decode_photo(jpeg, shortest_side=min(_THUMBNAIL)))
    picture.thumbnail(_THUMBNAIL)
    file = BytesIO()
    picture.save(file, "JPEG", quality=75)
    return b64encode(file.getvalue()).decode()
