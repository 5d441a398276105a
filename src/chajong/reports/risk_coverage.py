"""How much better the answers are when the least confident are left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.binomial import highest_share
from chajong.reports.drawing import BLUE, GREY, ORANGE, lay_out
from chajong.reports.texts import text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language

POINTS = 200
WANTED_RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)
MARKED_RISK = 0.05
DOUBT = 0.05


@dataclass(frozen=True)
class Abstention:
    """From which confidence on an answer can be relied upon.

    Attributes:
        confidence: Answers below it are withheld.
        coverage: Share of photos that keep their answer.
        photos: How many those are.
        error_rate: Share of wrong answers among them.
        error_bound: What that share stays under on new photos, with probability 1 - `DOUBT`.
        wanted_risk: The share of wrong answers that was asked for.
    """

    confidence: float
    coverage: float
    photos: int
    error_rate: float
    error_bound: float
    wanted_risk: float


def risk_coverage_table(scored: ScoredPhotos) -> pd.DataFrame:
    """Follow the risk of the photos that are kept while the least confident are left out.

    Args:
        scored: The ensemble's answers.

    Returns:
        At most about `POINTS` rows, most confident first, the last of them with all photos:
        `coverage` (share of photos kept), `photos`, `confidence` (the lowest kept), `error_rate`
        and `log_loss` of the photos kept. Photos of one confidence are kept or left together.
    """
    confidences, errors, losses = _most_confident_first(scored)
    kept = np.arange(1, len(scored) + 1)
    cuts = _cuts(confidences)
    kept_cuts = cuts[np.unique(np.linspace(0, len(cuts) - 1, POINTS).astype(int))]
    return (
        pd.DataFrame(
            {
                "coverage": kept / len(scored),
                "photos": kept,
                "confidence": confidences,
                "error_rate": np.cumsum(errors) / kept,
                "log_loss": np.cumsum(losses) / kept,
            }
        )
        .take(kept_cuts)
        .reset_index(drop=True)
    )


def area_under_risk_coverage(scored: ScoredPhotos) -> float:
    """Average the error rate over all coverages: 0 is best, the error rate is chance.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (NIPS 2017);
    photos of one confidence share their errors evenly, so that their order does not count.
    """
    confidences, errors, _ = _most_confident_first(scored)
    _, place, ties = np.unique(-confidences, return_inverse=True, return_counts=True)
    even = (np.bincount(place, weights=errors) / ties)[place]
    return float((np.cumsum(even) / np.arange(1, len(scored) + 1)).mean())


def suggest_abstention(scored: ScoredPhotos, wanted_risk: float = MARKED_RISK) -> Abstention | None:
    """Find the lowest confidence from which on few enough answers are wrong.

    Bisects over the confidences; each place looked at has an exact binomial bound, and the doubt
    is shared out among them, so that the bound holds for the one chosen. Photos are taken for
    independent, which near-duplicates are not. Source: Geifman and El-Yaniv (NIPS 2017),
    algorithm 1 (selection with guaranteed risk).

    Args:
        scored: The ensemble's answers.
        wanted_risk: The share of wrong answers that is acceptable.

    Returns:
        The suggestion, or None where no confidence is high enough to promise that risk.
    """
    confidences, errors, _ = _most_confident_first(scored)
    cuts, wrong = _cuts(confidences), np.cumsum(errors)
    low, high, chosen = 0, len(cuts) - 1, None
    looks = int(np.ceil(np.log2(len(cuts) + 1)))
    while low <= high:
        middle = (low + high) // 2
        last = cuts[middle]
        bound = float(highest_share(wrong[last], last + 1, DOUBT / looks))
        if bound <= wanted_risk:
            chosen, low = (last, bound), middle + 1
        else:
            high = middle - 1
    if chosen is None:
        return None
    last, bound = chosen
    return Abstention(
        confidence=float(confidences[last]),
        coverage=float((last + 1) / len(scored)),
        photos=int(last + 1),
        error_rate=float(wrong[last] / (last + 1)),
        error_bound=bound,
        wanted_risk=wanted_risk,
    )


def abstention_table(scored: ScoredPhotos) -> pd.DataFrame:
    """Suggest an abstention for each of the `WANTED_RISKS`.

    Returns:
        One row a wanted risk with the attributes of `Abstention`, which are NaN where no confidence
        is high enough to promise that risk.
    """
    found = {risk: suggest_abstention(scored, risk) for risk in WANTED_RISKS}
    rows = [asdict(row) if row else {"wanted_risk": risk} for risk, row in found.items()]
    return pd.DataFrame(rows, columns=[column.name for column in fields(Abstention)])


def risk_coverage_chart(
    table: pd.DataFrame,
    area: float,
    abstention: Abstention | None = None,
    language: Language = "en",
) -> Figure:
    """Draw error rate and log loss against the share of photos kept.

    Args:
        table: From `risk_coverage_table`.
        area: From `area_under_risk_coverage`.
        abstention: From `suggest_abstention`, drawn as a vertical line.
        language: The reader's.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (column, form, colour) in enumerate(
        (("error_rate", ".1%", BLUE), ("log_loss", ".3f", ORANGE)), start=1
    ):
        figure.add_scatter(
            x=table["coverage"],
            y=table[column],
            mode="lines",
            line={"color": colour, "width": 2.5},
            customdata=table[["confidence", "photos"]],
            hovertemplate=text("risk_coverage_hover", language, form=form),
            row=row,
            col=1,
        )
    if abstention:
        figure.add_vline(abstention.coverage, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(range=[0, 1.01], tickformat=".0%")
    figure.update_xaxes(title_text=text("risk_coverage_axis", language), row=2)
    figure.update_yaxes(title_text=text("risk_coverage_wrong", language), tickformat=".0%", row=1)
    figure.update_yaxes(title_text=text("risk_coverage_loss", language), row=2)
    figure.update_yaxes(rangemode="tozero")
    risk = table["error_rate"].iloc[-1]
    title = text("risk_coverage_title", language, risk=risk, area=area)
    return lay_out(figure, title, 520).update_layout(showlegend=False)


def _most_confident_first(scored: ScoredPhotos) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(-scored.confidences, kind="stable")
    return scored.confidences[order], ~scored.right[order], scored.losses[order]


def _cuts(confidences: np.ndarray) -> np.ndarray:
    """Give the last position of each distinct confidence, of confidences in order."""
    return np.append(np.flatnonzero(np.diff(confidences)), len(confidences) - 1)
