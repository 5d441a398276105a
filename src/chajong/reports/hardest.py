"""The photos with the highest loss, as every member sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.photos.page import page_text, photo_html
from chajong.reports.elements import table_html

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from chajong.photos.store import PhotoStore
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


def hardest_html(table: pd.DataFrame, store: PhotoStore) -> str:
    """Show the photos as cards.

    Args:
        table: From `hardest_photos`.
        store: The photos.
    """
    cards = "".join(
        _card(views.to_dict("records"), store) for _, views in table.groupby("rank", sort=True)
    )
    return f'<div class="cards">{cards}</div>'


def _card(views: list[dict[Hashable, Any]], store: PhotoStore) -> str:
    first = views[0]
    rows = table_html(
        {
            "member": [page_text(view["member"]) for view in views],
            "label": [_percent(view["label_probability"]) for view in views],
            "first guess": [_guess(view) for view in views],
        }
    )
    return (
        f'<article><div class="shot">{photo_html(first["sha256"], store)}'
        f"<div><b>{page_text(first['label'])}</b><p>log loss {first['loss']:.2f}<br>"
        f"{page_text(first['photo_id'].rpartition('/')[2])}</p></div></div>{rows}</article>"
    )


def _guess(view: Mapping[Hashable, Any]) -> str:
    verdict = "right" if view["guess"] == view["label"] else "wrong"
    guess, probability = page_text(view["guess"]), f"{view['guess_probability']:.0%}"
    return f'<span class="{verdict}">{guess}</span> <span class="soft">{probability}</span>'


def _percent(probability: float) -> str:
    return "&lt;1%" if probability < 0.01 else f"{probability:.0%}"
