"""The run in a handful of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.predictions.intervals import mean_interval
from chajong.predictions.metric import member_metrics
from chajong.reports.texts import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language


def headline_numbers(
    scored: ScoredPhotos,
    members: Mapping[str, ScoredPhotos],
    groups: pd.Series[int],
    language: Language = "en",
) -> dict[str, str]:
    """Give the figures that everyone asks for first.

    Args:
        scored: The ensemble's answers.
        members: The members' answers, the best first.
        groups: Group of each photo, by `photo_id`.
        language: The reader's.

    Returns:
        Figures by what they are.
    """
    figures = member_metrics(scored.log_probabilities, scored.labels)
    low, high = mean_interval(scored.losses, groups.loc[scored.photo_ids].to_numpy())
    numbers = {
        text("headline_log_loss", language, low=low, high=high): f"{figures['log_loss']:.4f}",
        text("headline_accuracy", language): f"{figures['accuracy']:.1%}",
        text("headline_top_5", language): f"{figures['top_5_accuracy']:.1%}",
        text("calibration_error", language): f"{figures['calibration_error']:.3f}",
        text("headline_photos", language, classes=len(scored.class_names)): f"{len(scored):,}",
    }
    if members:
        numbers |= _gain(scored, next(iter(members.items())), groups, language)
    return numbers


def _gain(
    scored: ScoredPhotos,
    best: tuple[str, ScoredPhotos],
    groups: pd.Series[int],
    language: Language,
) -> dict[str, str]:
    """Measure the paired gain over the best member on the photos that both have."""
    name, answers = best[0], best[1].at(scored.photo_ids)
    gains = answers.losses - scored.at(answers.photo_ids).losses
    low, high = mean_interval(gains, groups.loc[answers.photo_ids].to_numpy())
    label = text("headline_gain", language, member=name, low=low, high=high)
    return {label: f"{gains.mean():.4f}"}
