"""Members side by side: a table and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.charts import FONTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NUMBER_COLUMNS = (
    "log_loss",
    "accuracy",
    "top_5_accuracy",
    "calibration_error",
    "seconds",
    "photos_per_second",
    "peak_memory_mb",
    "photos",
)
BAR_PIXELS = 34
MARGIN_PIXELS = 150


def leaderboard(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row a member, the lowest log loss first, members without one last.

    Args:
        metrics: For each member its figures, any of `log_loss`, `accuracy`, `top_5_accuracy`,
            `calibration_error`, `seconds`, `photos_per_second`, `peak_memory_mb` and `photos`,
            and `status`, a few words such as "pooled" or why it was skipped.

    Returns:
        `member`, the figures as floats (NaN where a member has none) and `status` ("" where a
        member has none).
    """
    rows = [
        {
            "member": member,
            **{column: figures.get(column, np.nan) for column in NUMBER_COLUMNS},
            "status": figures.get("status", ""),
        }
        for member, figures in metrics.items()
    ]
    table = pd.DataFrame(rows, columns=["member", *NUMBER_COLUMNS, "status"])
    table = table.astype(dict.fromkeys(NUMBER_COLUMNS, float))
    return table.sort_values(["log_loss", "member"], ignore_index=True)


def leaderboard_chart(table: pd.DataFrame) -> Figure:
    """Draw log loss and accuracy of the members that have them as bars, the best at the top.

    Args:
        table: What `leaderboard` returns.
    """
    from plotly.graph_objects import Bar
    from plotly.subplots import make_subplots

    scored = table.dropna(subset=["log_loss"])
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.06,
        subplot_titles=("Log loss (lower is better)", "Accuracy (higher is better)"),
    )
    for column, (figures, digits, colour) in enumerate(
        (("log_loss", ".4f", "#2a5d8f"), ("accuracy", ".1%", "#7fa650")), start=1
    ):
        bars = Bar(
            x=scored[figures],
            y=scored["member"],
            orientation="h",
            texttemplate=f"%{{x:{digits}}}",
            textposition="auto",
            marker_color=colour,
            customdata=scored[["top_5_accuracy", "calibration_error", "seconds", "peak_memory_mb"]],
            hovertemplate=(
                f"%{{y}}: %{{x:{digits}}}<br>top-5 accuracy %{{customdata[0]:.1%}}<br>calibration "
                "error %{customdata[1]:.3f}<br>%{customdata[2]:.1f} s, "
                "%{customdata[3]:,.0f} MB<extra></extra>"
            ),
        )
        figure.add_trace(bars, row=1, col=column)
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(tickformat=".0%", range=[0, 1], col=2)
    figure.update_yaxes(autorange="reversed", type="category", ticksuffix="  ", automargin=True)
    figure.update_layout(
        title="Members by out-of-fold log loss",
        font_family=FONTS,
        template="plotly_white",
        showlegend=False,
        height=MARGIN_PIXELS + BAR_PIXELS * len(scored),
    )
    return figure
