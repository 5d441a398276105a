"""The classes that carry the log loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.drawing import BLUE, ORANGE, lay_out, name_axis
from chajong.reports.texts import text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language

SHOWN_CLASSES = 25


def class_loss_table(scored: ScoredPhotos) -> pd.DataFrame:
    """Share the log loss out among the classes.

    Args:
        scored: The ensemble's answers.

    Returns:
        One row a class that has photos, the largest share first: `class_name`, `photos`,
        `precision` (NaN where nothing was answered so), `recall`, `f1`, `log_loss` (mean over its
        photos), `photo_share`, `loss_share` and `cumulative_share` (of the loss, down to this row).
    """
    from sklearn.metrics import precision_recall_fscore_support

    count = len(scored.class_names)
    photos = np.bincount(scored.labels, minlength=count)
    losses = np.bincount(scored.labels, weights=scored.losses, minlength=count)
    precision, recall, f1, _ = precision_recall_fscore_support(
        scored.labels, scored.guesses, labels=np.arange(count), zero_division=np.nan
    )
    has_photos = photos > 0
    figures = {"photos": photos, "precision": precision, "recall": recall, "f1": f1}
    table = pd.DataFrame({"class_name": scored.class_names, **figures})[has_photos]
    table["log_loss"] = losses[has_photos] / table["photos"]
    table["photo_share"] = table["photos"] / len(scored)
    table["loss_share"] = losses[has_photos] / losses.sum()
    table = table.sort_values("loss_share", ascending=False, kind="stable", ignore_index=True)
    return table.assign(cumulative_share=table["loss_share"].cumsum())


def class_loss_chart(table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw the classes with the largest shares of the loss.

    Args:
        table: From `class_loss_table`.
        language: The reader's.

    Returns:
        Bars of the `SHOWN_CLASSES` largest shares of the loss, and points of the same classes'
        shares of the photos.
    """
    from plotly.graph_objects import Figure

    shown = table.head(SHOWN_CLASSES)
    position = list(range(len(shown)))
    figure = Figure()
    figure.add_bar(
        x=shown["loss_share"],
        y=position,
        orientation="h",
        name=text("class_losses_loss", language),
        marker_color=BLUE,
        customdata=shown[["log_loss", "recall", "photos", "cumulative_share"]],
        hovertemplate=text("class_losses_hover", language),
    )
    figure.add_scatter(
        x=shown["photo_share"],
        y=position,
        mode="markers",
        name=text("class_losses_photos", language),
        marker={"color": ORANGE, "size": 9, "symbol": "line-ns-open", "line_width": 2.5},
        hovertemplate=text("class_losses_photos_hover", language),
    )
    name_axis(figure, shown["class_name"].tolist())
    figure.update_xaxes(tickformat=".1~%", rangemode="tozero")
    half = int((table["cumulative_share"] < 0.5).sum()) + 1
    title = text("class_losses_title", language, half=half, count=len(table))
    return lay_out(figure, title, 90 + 32 * len(shown))
