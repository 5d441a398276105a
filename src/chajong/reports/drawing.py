"""One look for all charts of the reports."""

from __future__ import annotations

from html import escape
from re import sub
from textwrap import wrap
from typing import TYPE_CHECKING

from chajong.charts import FONTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BLUE, ORANGE, GREEN = "#2f6f9f", "#df7f3c", "#5c9a6b"
RED, PURPLE, GOLD = "#c4503c", "#7c6aa6", "#c8a02b"
INK, SOFT, LINE = "#1f2933", "#66727f", "#e3e8ee"
GREY, PALE_BLUE = "#a9b4bf", "#c9dcea"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, GOLD, RED)
"""Colours of things that are compared, in their order; the pages use the same blue and greys."""

LABEL_LETTERS = 26


def lay_out(figure: Figure, title: str, height: int) -> Figure:
    """Give a figure the look of the reports.

    Args:
        figure: Traces and axes; it is changed.
        title: What the chart shows, as a sentence where it has a finding.
        height: In pixels.

    Returns:
        The same figure.
    """
    figure.update_xaxes(gridcolor=LINE, zerolinecolor=LINE, linecolor=LINE, automargin=True)
    figure.update_yaxes(gridcolor=LINE, zerolinecolor=LINE, linecolor=LINE, automargin=True)
    return figure.update_layout(
        title=title,
        template="plotly_white",
        font={"family": FONTS, "color": INK, "size": 13},
        height=height,
        margin={"l": 12, "r": 12, "t": 56, "b": 12},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        hoverlabel={"font_family": FONTS, "bgcolor": "white", "bordercolor": LINE},
        bargap=0.28,
    )


def name_axis(figure: Figure, names: list[str]) -> None:
    """Write names down the vertical axis at 0, 1, 2 …, the first at the top.

    Args:
        figure: A figure whose vertical positions are numbers, so that equal names stay apart.
        names: Plain texts.
    """
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[chart_label(name) for name in names],
        range=[len(names) - 0.4, -0.6],
        ticksuffix="  ",
        tickfont_size=12,
        showgrid=False,
        zeroline=False,
    )


def chart_label(name: str) -> str:
    """Escape a name for a chart, in lines of about `LABEL_LETTERS` letters, its years on one."""
    breakable = sub(r"(\d{4}_) (\d{4})$", r"\1\2", name.replace("_", "_ "))
    lines = wrap(breakable, LABEL_LETTERS)
    return "<br>".join(escape(line.replace("_ ", "_"), quote=False) for line in lines)
