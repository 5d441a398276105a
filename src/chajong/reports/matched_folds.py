"""Whether photos held out of their fold are as far from the others as new photos are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.ensembling.texts import told
from chajong.reports.texts import text, worded

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from chajong.texts import Language

NEARER = 0.9
"""Held-out photos are called too near at less than this part of the new photos' distance."""

_COLOURS = {"plain folds": "#9ecae9", "matched folds": "#4c78a8", "new": "#e4572e"}
_QUANTILES = np.linspace(0, 1, 201)


@dataclass(frozen=True, eq=False)
class FoldDistances:
    """How far photos are from the nearest that the model which answers them learnt from.

    Attributes:
        plain: Cosine distances of photos held out of plain folds.
        matched: Of photos held out of the folds that are used.
        new: Of new photos.
        called: What new photos are called: test, or typical.
    """

    plain: np.ndarray
    matched: np.ndarray
    new: np.ndarray
    called: str

    def medians(self) -> dict[str, float]:
        """Give the distance in the middle of each side."""
        sides = {"plain": self.plain, "matched": self.matched, "new": self.new}
        return {name: float(np.median(side)) for name, side in sides.items()}


def compare_folds(
    plain_and_used: tuple[pd.DataFrame, pd.DataFrame],
    candidates: pd.DataFrame,
    features: np.ndarray,
    new: np.ndarray,
    labels: np.ndarray,
    *,
    encoder: str,
    called: str,
    seed: int,
    language: Language = "en",
) -> tuple[dict[str, Any], Figure]:
    """Compare held-out photos with new ones, under plain folds and under those that are used.

    Args:
        plain_and_used: Two `folds` tables of the same photos; plain ones keep together only what
            is known to belong together.
        candidates: `Matching.table`.
        features: float32 [photos, width].
        new: float32 [new photos, width].
        labels: The effective class of each photo, int [photos].
        encoder: Whose features they are.
        called: What new photos are called: test, or typical.
        seed: Of the photos that are compared.
        language: The reader's.

    Returns:
        `encoder`, `threshold` (None where no photos were joined), `distances` (medians), `losses`
        of a linear discriminant by folds, and `text`; and a chart.
    """
    from chajong.members.heads.discriminant import discriminant_loss
    from chajong.training.matched_folds import Compared, comparable

    compared = Compared.draw(*comparable(features, new), seed)
    plain, used = (folds["fold"].to_numpy() for folds in plain_and_used)
    counts = plain_and_used[1]["label_counts"].to_numpy()
    distances = FoldDistances(compared.distances(plain)[0], *compared.distances(used), called)
    joined = candidates.loc[candidates["chosen"], "threshold"].dropna()
    losses = {"plain": discriminant_loss(features, labels, plain, counts)}
    losses["matched"] = (
        discriminant_loss(features, labels, used, counts) if len(joined) else losses["plain"]
    )
    report = {
        "encoder": encoder,
        "threshold": float(joined.iloc[0]) if len(joined) else None,
        "distances": distances.medians(),
        "losses": losses,
    }
    return {**report, "text": folds_text(report, called, language)}, folds_chart(distances)


def nothing_compared(reason: str, language: Language = "en") -> tuple[dict[str, Any], Figure]:
    """Give a report that says why nothing can be told, and a chart without curves."""
    from plotly.graph_objects import Figure

    said = text("folds_unknown", language, reason=told(reason, language))
    return {"text": said}, Figure().update_layout(title="Nothing to compare held-out photos with")


def folds_text(report: dict[str, Any], called: str, language: Language = "en") -> str:
    """Say in a sentence whether the loss out of fold can be believed.

    Args:
        report: From `compare_folds`.
        called: What new photos are called.
        language: The reader's.
    """
    distances, losses, threshold = report["distances"], report["losses"], report["threshold"]
    new = worded(called, language)
    found = text("folds_found", language, called=new, encoder=report["encoder"], **distances)
    if threshold is None:
        said = text("folds_plain", language, found=found, **losses)
    else:
        said = text(
            "folds_matched",
            language,
            found=found,
            distance=distances["matched"],
            threshold=threshold,
            **losses,
        )
    if distances["matched"] < NEARER * distances["new"]:
        said += text("folds_nearer", language, called=new)
    return said


def folds_chart(distances: FoldDistances) -> Figure:
    """Draw which share of the photos has its nearest neighbour within each distance.

    Args:
        distances: How far photos are from one another.

    Returns:
        A Plotly figure: a curve of the new photos, and one of held-out photos for each way of
        making folds.
    """
    from plotly.graph_objects import Figure

    curves: dict[str, Any] = {
        f"held out, {name}": (values, _COLOURS[name])
        for name, values in (("plain folds", distances.plain), ("matched folds", distances.matched))
    }
    curves[f"{distances.called} photos"] = (distances.new, _COLOURS["new"])
    figure = Figure()
    for name, (values, colour) in curves.items():
        figure.add_scatter(
            x=np.quantile(values, _QUANTILES),
            y=_QUANTILES,
            name=name,
            mode="lines",
            line={"color": colour, "width": 2},
        )
    figure.update_xaxes(title_text="cosine distance to the nearest photo that may be learnt from")
    figure.update_yaxes(title_text="share of photos", tickformat=".0%", rangemode="tozero")
    return figure.update_layout(
        title="Are held-out photos as far from the others as new photos are?",
        template="plotly_white",
        height=420,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "right", "x": 1},
    )
