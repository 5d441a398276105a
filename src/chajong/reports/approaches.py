"""End to end against frozen features against fusion against a vision-language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.drawing import (
    BLUE,
    GOLD,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    chart_label,
    lay_out,
)
from chajong.reports.texts import text, worded

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.texts import Language

APPROACHES = {
    "frozen features": BLUE,
    "CLIP": GREEN,
    "end to end": ORANGE,
    "fusion": RED,
    "vision-language model": PURPLE,
    "others' tables": GOLD,
    "ensemble": GREY,
}
"""The approaches that are compared, and their colours."""

COST_COLUMNS = ["seconds", "photos_per_second", "peak_memory_mb"]


def approach_table(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Set quality and cost side by side, member by member.

    Args:
        leaderboard: The leaderboard, with `log_loss_low` and `log_loss_high`, which may be NaN.

    Returns:
        One row a member with a log loss, the lowest first: `approach`, `member`, `log_loss`,
        `log_loss_low`, `log_loss_high`, `accuracy`, `seconds` (of training and prediction),
        `photos_per_second` and `peak_memory_mb`.
    """
    columns = [
        "approach",
        "member",
        "log_loss",
        "log_loss_low",
        "log_loss_high",
        "accuracy",
        *COST_COLUMNS,
    ]
    table = leaderboard.dropna(subset=["log_loss"])[columns]
    return table.sort_values("log_loss", kind="stable", ignore_index=True)


def approach_chart(table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw log loss against seconds, coloured by approach; the ensemble is a line.

    Args:
        table: From `approach_table`; a member whose time is unknown is not drawn.
        language: The reader's.
    """
    from plotly.graph_objects import Figure

    timed = table[table["seconds"] > 0]
    figure = Figure()
    for approach, colour in APPROACHES.items():
        rows = timed[timed["approach"] == approach]
        if len(rows):
            _add_approach(figure, rows, worded(approach, language), colour, language)
    for loss in table.loc[table["approach"] == "ensemble", "log_loss"]:
        figure.add_hline(
            loss, line={"color": GREY, "dash": "dash"},
            annotation_text=text("approaches_ensemble", language, loss=loss),
            annotation_position="bottom left", annotation_font_color=GREY,
        )  # fmt: skip
    seconds = np.log10(timed["seconds"]) if len(timed) else np.array([0.0, 1.0])
    # Room for the members' names, which stand right of the points.
    room = 0.1 * (np.ptp(seconds) or 1)
    figure.update_xaxes(
        type="log", title_text=text("approaches_axis", language),
        range=[seconds.min() - room, seconds.max() + 3 * room], dtick=1,
    )  # fmt: skip
    figure.update_yaxes(title_text=text("log_loss_axis", language))
    return lay_out(figure, text("approaches_title", language), 460)


def _add_approach(
    figure: Figure, rows: pd.DataFrame, approach: str, colour: str, language: Language
) -> None:
    figure.add_scatter(
        x=rows["seconds"],
        y=rows["log_loss"],
        error_y={
            "array": rows["log_loss_high"] - rows["log_loss"],
            "arrayminus": rows["log_loss"] - rows["log_loss_low"],
            "thickness": 1.2,
            "width": 3,
        },
        mode="markers+text",
        text=[f"  {chart_label(member)}" for member in rows["member"]],
        textposition="middle right",
        name=approach,
        marker={"color": colour, "size": 12},
        customdata=rows[["accuracy", "photos_per_second", "peak_memory_mb"]],
        hovertemplate=text("approaches_hover", language),
    )
