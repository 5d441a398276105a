"""Members side by side: a table and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from chajong.charts import FONTS
from chajong.predictions.intervals import mean_interval

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ENSEMBLE = "ensemble"
"""The row that every member is compared with."""

OTHERS = "others' tables"
"""The approach of members that this project knows only by their predictions."""

METRIC_COLUMNS = (
    "log_loss",
    "accuracy",
    "top_5_accuracy",
    "calibration_error",
    "seconds",
    "training_seconds",
    "prediction_seconds",
    "photos_per_second",
    "peak_memory_mb",
    "photos",
)
INTERVAL_COLUMNS = (
    "log_loss_low",
    "log_loss_high",
    "gain_of_ensemble",
    "gain_low",
    "gain_high",
)
NUMBER_COLUMNS = ("log_loss", *INTERVAL_COLUMNS, *METRIC_COLUMNS[1:])
BAR_PIXELS = 34
MARGIN_PIXELS = 150


def leaderboard(
    metrics: Mapping[str, Mapping[str, Any]],
    losses: Mapping[str, pd.Series[float]],
    groups: pd.Series[Any],
) -> pd.DataFrame:
    """Return one row a member, the lowest log loss first, members without one last.

    Args:
        metrics: For each member, the ensemble among them, its figures: any of `log_loss`,
            `accuracy`, `top_5_accuracy`, `calibration_error`, `seconds`, `training_seconds`,
            `prediction_seconds`, `photos_per_second`, `peak_memory_mb` and `photos`; `approach`,
            what kind of member it is; and `status`, a few words such as "pooled" or why it was
            skipped.
        losses: A member's loss on each photo, by `photo_id`, where it has any.
        groups: The group of each photo, by `photo_id`.

    Returns:
        `member`, `approach`, the figures as floats (NaN where a member has none) and `status` (""
        where a member has none). Where a member has losses, `log_loss_low` and `log_loss_high` are
        the ends of the 95 % interval of its log loss, `gain_of_ensemble` is how much lower the
        ensemble's loss is on the photos that both have, and `gain_low` and `gain_high` are the
        ends of that difference's interval, over photos in pairs.
    """
    rows = [
        {
            "member": member,
            "approach": figures.get("approach", OTHERS),
            **{column: figures.get(column) for column in METRIC_COLUMNS},
            **_intervals(member, losses, groups),
            "status": figures.get("status", ""),
        }
        for member, figures in metrics.items()
    ]
    table = pd.DataFrame(rows, columns=["member", "approach", *NUMBER_COLUMNS, "status"])
    table = table.astype(dict.fromkeys(NUMBER_COLUMNS, float))
    return table.sort_values(["log_loss", "member"], ignore_index=True)


def _intervals(
    member: str, losses: Mapping[str, pd.Series[float]], groups: pd.Series[Any]
) -> dict[str, float]:
    """Return the interval of a member's log loss, and what the ensemble gains over it."""
    if member not in losses:
        return {}
    own = losses[member]
    low, high = _interval(own, groups)
    intervals = {"log_loss_low": low, "log_loss_high": high}
    if member == ENSEMBLE or ENSEMBLE not in losses:
        return intervals
    gains = (own - losses[ENSEMBLE]).dropna()
    if gains.empty:
        return intervals
    low, high = _interval(gains, groups)
    return {
        **intervals,
        "gain_of_ensemble": float(gains.mean()),
        "gain_low": low,
        "gain_high": high,
    }


def _interval(values: pd.Series[float], groups: pd.Series[Any]) -> tuple[float, float]:
    return mean_interval(values.to_numpy(), groups.loc[values.index].to_numpy())


def leaderboard_chart(table: pd.DataFrame) -> Figure:
    """Draw log loss and accuracy of the members that have them as bars, the best at the top.

    Args:
        table: What `leaderboard` returns.

    Returns:
        Two panels of bars; those of log loss carry their 95 % intervals as error bars.
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
            insidetextanchor="start",  # away from the error bars
            marker_color=colour,
            error_x=_error_bars(scored) if figures == "log_loss" else None,
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


def _error_bars(table: pd.DataFrame) -> dict[str, Any]:
    return {
        "symmetric": False,
        "array": table["log_loss_high"] - table["log_loss"],
        "arrayminus": table["log_loss"] - table["log_loss_low"],
        "color": "#1b2a3a",
    }
