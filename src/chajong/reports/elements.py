"""Parts of the report's page: sections, tables, charts and photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.page import page_text, photo_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from plotly.graph_objects import Figure

    from chajong.photos.store import PhotoStore

NOTHING = "–"


def section_html(anchor: str, title: str, reading: str, *parts: str) -> str:
    """Frame a section.

    Args:
        anchor: What links to it, letters and hyphens.
        title: Plain text.
        reading: One sentence that says how to read it, plain text.
        parts: HTML.
    """
    return (
        f'<section id="{anchor}"><h2>{page_text(title)}</h2>'
        f"<p>{page_text(reading)}</p>{''.join(parts)}</section>"
    )


def table_html(columns: Mapping[str, Sequence[str]]) -> str:
    """Draw a table that scrolls sideways where it is wider than the screen.

    Args:
        columns: The cells of each column by its heading, all as HTML.
    """
    heads = "".join(f"<th>{heading}</th>" for heading in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def folded_html(summary: str, content: str) -> str:
    """Hide a long part behind a line of plain text that opens it."""
    return f"<details><summary>{page_text(summary)}</summary>{content}</details>"


def chart_html(figure: Figure) -> str:
    """Place a chart, its title as text that can break; a script of the page draws it.

    Args:
        figure: A figure with a title and a height; it stays as it is.
    """
    from plotly.graph_objects import Figure

    placed = Figure(figure)
    title = placed.layout.title.text
    placed.update_layout(title=None, dragmode=False)
    # Only what stands above the axes, a legend or panel titles, needs room there.
    placed.update_layout(margin_t=40 if _has_head(placed) else 12)
    return (
        f'<div class="chart"><h3>{title}</h3><div class="plot" '
        f'style="height:{placed.layout.height}px"></div>'
        f'<script type="application/json">{placed.to_json()}</script>'
        "<noscript><p>This chart needs JavaScript.</p></noscript></div>"
    )


def _has_head(figure: Figure) -> bool:
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    return len(figure.layout.annotations) > 0 or (
        figure.layout.showlegend is not False and len(named) > 1
    )


def figure_html(content: str, store: PhotoStore, title: str, lines: Iterable[str] = ()) -> str:
    """Show a photo with its caption.

    Args:
        content: The sha-256 of the photo's file.
        store: The photos.
        title: The caption's first line, plain text.
        lines: Its other lines, HTML.
    """
    caption = "<br>".join(lines)
    return (
        f"<figure>{photo_html(content, store)}<b>{page_text(title)}</b>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def number_text(value: float, form: str) -> str:
    """Write a number, or a dash where there is none.

    Args:
        value: May be NaN or infinite.
        form: As `format` wants it.
    """
    return format(value, form) if np.isfinite(value) else NOTHING


def interval_text(value: float, low: float, high: float, form: str = "z.4f") -> str:
    """Write a number with its interval, as HTML that keeps each of the two on one line."""
    number = f"<b>{number_text(value, form)}</b>"
    if not np.isfinite([low, high]).all():
        return number
    return f'{number} <span class="interval">{low:{form}} to {high:{form}}</span>'


def bar_html(share: float, form: str = ".1%") -> str:
    """Write a share with a bar as long as it is under the number."""
    return (
        f'<span class="bar"><i style="width:{100 * min(share, 1):.1f}%"></i></span>'
        f'<span class="beside">{share:{form}}</span>'
    )
