"""The run in a handful of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.predictions.intervals import mean_interval
from chajong.predictions.metric import member_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.reports.scored_photos import ScoredPhotos


def headline_numbers(
    scored: ScoredPhotos, members: Mapping[str, ScoredPhotos], groups: pd.Series[int]
) -> dict[str, str]:
    """Give the figures that everyone asks for first.

    Args:
        scored: The ensemble's answers.
        members: The members' answers, the best first.
        groups: Group of each photo, by `photo_id`.

    Returns:
        Figures by what they are.
    """
    figures = member_metrics(scored.log_probabilities, scored.labels)
    low, high = mean_interval(scored.losses, groups.loc[scored.photo_ids].to_numpy())
    numbers = {
        f"log loss ({low:.4f} to {high:.4f})": f"{figures['log_loss']:.4f}",
        "of the answers are right": f"{figures['accuracy']:.1%}",
        "have the label among the top 5": f"{figures['top_5_accuracy']:.1%}",
        "calibration error": f"{figures['calibration_error']:.3f}",
        f"photos of {len(scored.class_names):,} classes": f"{len(scored):,}",
    }
    if members:
        numbers |= _gain(scored, next(iter(members.items())), groups)
    return numbers


def _gain(
    scored: ScoredPhotos, best: tuple[str, ScoredPhotos], groups: pd.Series[int]
) -> dict[str, str]:
    """Measure the paired gain over the best member on the photos that both have."""
    name, answers = best[0], best[1].at(scored.photo_ids)
    gains = answers.losses - scored.at(answers.photo_ids).losses
    low, high = mean_interval(gains, groups.loc[answers.photo_ids].to_numpy())
    label = f"log loss gained over {name}, the best member ({low:.4f} to {high:.4f})"
    return {label: f"{gains.mean():.4f}"}
