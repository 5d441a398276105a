"""What each step from one member to the final answer gains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chajong.predictions.intervals import mean_interval
from chajong.reports.drawing import BLUE, GREEN, RED, SOFT, lay_out, name_axis
from chajong.reports.texts import text, worded

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.texts import Language


def gains_per_step(step_losses: pd.DataFrame, groups: pd.Series[int]) -> pd.DataFrame:
    """Measure every step against the one before, on the same photos.

    Args:
        step_losses: `photo_id`, and for each step, in their order, a column with the log loss of
            each photo after it.
        groups: Group by `photo_id`: photos that agree and are resampled together.

    Returns:
        One row a step: `step`, `log_loss` with the ends `low` and `high` of its 95 % interval, and
        `gain` (how much lower than the step before, NaN for the first) with `gain_low` and
        `gain_high`.

    Raises:
        KeyError: A photo has no group.
    """
    group = groups.loc[step_losses["photo_id"]].to_numpy()
    losses = step_losses.drop(columns="photo_id").astype(float)
    gains = -losses.diff(axis=1)
    rows = []
    for number, step in enumerate(losses.columns):
        low, high = mean_interval(losses[step].to_numpy(), group)
        row = {"step": step, "log_loss": losses[step].mean(), "low": low, "high": high}
        if number:
            gain_low, gain_high = mean_interval(gains[step].to_numpy(), group)
            row |= {"gain": gains[step].mean(), "gain_low": gain_low, "gain_high": gain_high}
        rows.append(row)
    columns = ["step", "log_loss", "low", "high", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns)


def steps_chart(table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw the log loss from step to step as a waterfall.

    Args:
        table: From `gains_per_step`.
        language: The reader's.

    Returns:
        For each step a bar from the log loss before it to the one after it; its whisker is the
        interval of the paired gain.
    """
    from plotly.graph_objects import Figure

    before, after = table["log_loss"].shift().iloc[1:], table["log_loss"].iloc[1:]
    gained = table.iloc[1:]
    figure = Figure()
    figure.add_bar(
        x=after - before,
        base=before,
        y=list(range(1, len(table))),
        orientation="h",
        marker_color=[GREEN if gain >= 0 else RED for gain in gained["gain"]],
        error_x={
            "array": gained["gain"] - gained["gain_low"],
            "arrayminus": gained["gain_high"] - gained["gain"],
            "color": SOFT,
            "thickness": 1.4,
            "width": 5,
        },
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=table["log_loss"],
        y=list(range(len(table))),
        mode="markers",
        marker={"color": BLUE, "size": 10, "symbol": "line-ns-open", "line_width": 3},
        customdata=table[["low", "high", "gain", "gain_low", "gain_high"]],
        hovertemplate=text("steps_hover", language),
    )
    name_axis(figure, [worded(step, language) for step in table["step"]])
    figure.update_xaxes(title_text=text("log_loss_axis", language))
    first, last = table["log_loss"].iloc[[0, -1]]
    title = text("steps_title", language, first=first, last=last)
    return lay_out(figure, title, 110 + 44 * len(table)).update_layout(showlegend=False)
