"""How the loss of every trained member fell, in small multiples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.reports.drawing import BLUE, ORANGE, chart_label, lay_out
from chajong.reports.texts import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from plotly.graph_objects import Figure

    from chajong.texts import Language

POINTS = 40
"""How many means over stretches of training a line has at most."""

COLUMNS = 2
PANEL_HEIGHT = 260


def learning_curves_chart(
    histories: Mapping[str, pd.DataFrame], language: Language = "en"
) -> Figure:
    """Draw training and inner loss of each member's folds against the epoch.

    Args:
        histories: For each trained member one row for each time that something was noted, as
            `chajong.training.curves.loss_curves` reads it: at least `fold`, `epoch`,
            `training_loss` and `inner_loss`.
        language: The reader's.

    Returns:
        A panel a member with a line a fold; the inner loss, where there is one, has another
        colour.
    """
    from plotly.subplots import make_subplots

    columns = min(COLUMNS, len(histories))
    rows = -(-len(histories) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[chart_label(member) for member in histories],
        vertical_spacing=0.18 / rows,
    )
    named: set[str] = set()
    for number, history in enumerate(histories.values()):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        for column, colour in (("training_loss", BLUE), ("inner_loss", ORANGE)):
            name = text(f"learning_curves_{column}", language)
            for line in thinned_lines(history, column):
                figure.add_scatter(
                    x=line["epoch"],
                    y=line[column],
                    mode="lines",
                    line={"color": colour, "width": 1.5},
                    opacity=0.6,
                    name=name,
                    legendgroup=name,
                    showlegend=name not in named,
                    hovertemplate=text("learning_curves_hover", language),
                    **place,
                )
                named.add(name)
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title_text=text("learning_curves_epoch", language), row=rows)
    title = text("learning_curves_title", language)
    laid_out = lay_out(figure, title, 120 + PANEL_HEIGHT * rows)
    # The panels' names stand where other charts have their legend.
    return laid_out.update_layout(legend={"yanchor": "top", "y": -0.3 / rows}, margin_b=40)


def thinned_lines(history: pd.DataFrame, column: str) -> list[pd.DataFrame]:
    """Average one column over at most `POINTS` stretches of each fold's training.

    Args:
        history: A member's training history.
        column: What to follow; rows without it are passed over.

    Returns:
        For each fold that has it `epoch` and `column`, means over stretches of equal numbers of
        notes.
    """
    lines = []
    for _, notes in history.dropna(subset=column).sort_values("epoch").groupby("fold"):
        stretch = np.arange(len(notes)) * min(POINTS, len(notes)) // len(notes)
        lines.append(notes[["epoch", column]].groupby(stretch).mean())
    return lines
