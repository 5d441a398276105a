"""Whether stated confidence is to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.binomial import share_interval
from chajong.reports.drawing import GREY, SERIES, chart_label, lay_out
from chajong.reports.texts import called, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plotly.graph_objects import Figure

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language

BINS = 15


def reliability_table(answers: Mapping[str, ScoredPhotos]) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of equal width.

    Args:
        answers: Scored photos by who answered, such as the ensemble and its best members.

    Returns:
        One row a member and bin that has photos: `member`, `bin_low`, `bin_high`, `photos`,
        `confidence` (mean), `accuracy`, and `accuracy_low` and `accuracy_high`, the ends of its
        95 % interval.
    """
    columns = ("bin_low", "bin_high", "photos", "confidence", "accuracy")
    bins = [_bins(scored).assign(member=member) for member, scored in answers.items()]
    ends = ("accuracy_low", "accuracy_high")
    return pd.concat(bins, ignore_index=True)[["member", *columns, *ends]]


def _bins(scored: ScoredPhotos) -> pd.DataFrame:
    place = np.minimum((scored.confidences * BINS).astype(int), BINS - 1)
    filled, place, photos = np.unique(place, return_inverse=True, return_counts=True)
    right = np.bincount(place, weights=scored.right)
    low, high = share_interval(right, photos)
    return pd.DataFrame(
        {
            "bin_low": filled / BINS,
            "bin_high": (filled + 1) / BINS,
            "photos": photos,
            "confidence": np.bincount(place, weights=scored.confidences) / photos,
            "accuracy": right / photos,
            "accuracy_low": low,
            "accuracy_high": high,
        }
    )


def calibration_errors(table: pd.DataFrame) -> pd.Series[float]:
    """Sum a reliability table up to the expected calibration error of each member.

    Source: Naeini, Cooper and Hauskrecht (AAAI 2015), as in
    `chajong.predictions.calibration.expected_calibration_error`.
    """
    gap = (table["confidence"] - table["accuracy"]).abs() * table["photos"]
    members = table["member"]
    photos = table["photos"].groupby(members, sort=False).sum()
    return gap.groupby(members, sort=False).sum() / photos


def reliability_chart(table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw accuracy against confidence, and how many photos have which confidence beneath.

    Args:
        table: From `reliability_table`; its first member is drawn strongest and with
            intervals; the size of a point says how many photos it stands for.
        language: The reader's.
    """
    from plotly.subplots import make_subplots

    errors = calibration_errors(table)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.04
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot"}, showlegend=False,
        hoverinfo="skip", row=1, col=1,
    )  # fmt: skip
    # The last one drawn lies on top.
    for number, (member, error) in reversed(list(enumerate(errors.items()))):
        _add_member(figure, table[table["member"] == member], number, error, language)
    figure.update_xaxes(range=[-0.01, 1.01], tickformat=".0%")
    figure.update_xaxes(title_text=text("reliability_confidence", language), row=2)
    figure.update_yaxes(title_text=text("reliability_right", language), tickformat=".0%", row=1)
    figure.update_yaxes(title_text=text("photos", language), row=2)
    first = chart_label(called(str(errors.index[0]), language))
    title = text("reliability_title", language, member=first, error=errors.iloc[0])
    return lay_out(figure, title, 560).update_layout(barmode="group")


def _add_member(
    figure: Figure, rows: pd.DataFrame, number: int, error: float, language: Language
) -> None:
    colour = SERIES[number % len(SERIES)]
    name = chart_label(called(str(rows["member"].iloc[0]), language))
    figure.add_scatter(
        x=rows["confidence"],
        y=rows["accuracy"],
        error_y={
            "array": rows["accuracy_high"] - rows["accuracy"],
            "arrayminus": rows["accuracy"] - rows["accuracy_low"],
            "thickness": 1.2,
            "width": 3,
            "visible": number == 0,
        },
        mode="markers",
        name=text("reliability_member", language, member=name, error=error),
        legendgroup=name,
        legendrank=number,
        marker={"color": colour, "size": 5 + 9 * np.sqrt(rows["photos"] / rows["photos"].max())},
        opacity=1 if number == 0 else 0.55,
        customdata=rows[["photos", "accuracy_low", "accuracy_high"]],
        hovertemplate=text("reliability_hover", language),
        row=1,
        col=1,
    )
    figure.add_bar(
        x=(rows["bin_low"] + rows["bin_high"]) / 2,
        y=rows["photos"],
        marker_color=colour,
        opacity=1 if number == 0 else 0.55,
        showlegend=False,
        name=name,
        legendgroup=name,
        hovertemplate=text("reliability_photos", language),
        row=2,
        col=1,
    )
