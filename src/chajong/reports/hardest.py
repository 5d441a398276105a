"""The photos with the highest loss, as every member sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chajong.reports.scored_photos import ScoredPhotos

SHOWN_PHOTOS = 18


def hardest_photos(
    scored: ScoredPhotos, members: Mapping[str, ScoredPhotos], limit: int = SHOWN_PHOTOS
) -> pd.DataFrame:
    """List the photos with the highest loss and what every member says about them.

    Args:
        scored: The ensemble's answers.
        members: The members' answers; a member may lack photos.
        limit: How many photos.

    Returns:
        One row a photo and member, the hardest photo first and in it the ensemble first: `rank`
        (from 1), `photo_id`, `sha256`, `label`, `member`, `loss`, `label_probability`, `guess`
        and `guess_probability`.
    """
    hardest = scored.photo_ids[np.argsort(-scored.losses, kind="stable")[:limit]]
    ranks = pd.Series(np.arange(1, len(hardest) + 1), index=hardest)
    views = [_view("ensemble", scored.at(hardest), ranks)]
    views += [_view(member, answers.at(hardest), ranks) for member, answers in members.items()]
    return pd.concat(views).sort_values("rank", kind="stable", ignore_index=True)


def _view(member: str, answers: ScoredPhotos, ranks: pd.Series[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rank": ranks.loc[answers.photo_ids].to_numpy(),
            "photo_id": answers.photo_ids,
            "sha256": answers.sha256s,
            "label": answers.names_of(answers.labels),
            "member": member,
            "loss": answers.losses,
            "label_probability": np.exp(-answers.losses),
            "guess": answers.names_of(answers.guesses),
            "guess_probability": answers.confidences,
        }
    )
