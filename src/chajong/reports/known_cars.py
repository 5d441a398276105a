"""How well the distance to the nearest known photo tells unknown cars from known ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.predictions.intervals import mean_interval
from chajong.reports.drawing import BLUE, GREY, ORANGE, lay_out
from chajong.reports.texts import text, worded
from chajong.search.known_cars import fit_limit, refused_out_of_fold

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.search.known_cars import Distances
    from chajong.texts import Language

BINS = 40
COLUMNS = ["photos_of", "photos", "refused", "low", "high", "limit"]


def known_car_table(distances: Distances) -> pd.DataFrame:
    """Count who is refused, by limits that were fitted on other classes.

    Args:
        distances: Of the train photos.

    Returns:
        Two rows, known cars and held-back classes: `photos`, `refused` (share), `low` and `high`
        (its 95 % interval; classes are drawn, not photos) and `limit`, fitted on all.
    """
    limit = fit_limit(distances.known, distances.held_back)
    rows = []
    for kind, refused in zip(
        ("known cars", "held-back classes"), refused_out_of_fold(distances), strict=True
    ):
        low, high = mean_interval(refused.astype(float), distances.labels)
        rows.append((kind, len(refused), refused.mean(), low, high, limit))
    return pd.DataFrame(rows, columns=COLUMNS)


def known_car_chart(distances: Distances, table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw how far known cars and cars of held-back classes are from the nearest known photo.

    Args:
        distances: Of the train photos.
        table: From `known_car_table`.
        language: The reader's.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    kinds = (distances.known, distances.held_back)
    finite = [values[np.isfinite(values)] for values in kinds]
    edges = np.linspace(0, max([values.max(initial=0.01) for values in finite]), BINS + 1)
    for name, values, colour in zip(table["photos_of"], finite, (BLUE, ORANGE), strict=True):
        counts, _ = np.histogram(values, edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts / max(len(values), 1),
            name=worded(name, language),
            marker_color=colour,
            hovertemplate=text("unknown_photos_hover", language),
        )
    if np.isfinite(table["limit"].iloc[0]):
        figure.add_vline(table["limit"].iloc[0], line={"color": GREY, "dash": "dash"})
    figure.update_xaxes(title_text=text("known_cars_axis", language))
    figure.update_yaxes(title_text=text("photo_share_axis", language), tickformat=".0%")
    known, held_back = table["refused"]
    title = text("known_cars_title", language, known=known, held_back=held_back)
    return lay_out(figure, title, 340).update_layout(barmode="overlay").update_traces(opacity=0.65)
