"""A checkpoint with its card beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chajong.members.cards.card import checkpoint_card
from chajong.members.cards.data import summarise_data
from chajong.members.cards.weights import WeightsRule, describe_weights, used_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.members.checkpoint import Checkpoint

CARD_FILE = "README.md"


def with_card(
    checkpoint: Checkpoint,
    title: str,
    metrics: Mapping[str, Any],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> Checkpoint:
    """Put a model card into a checkpoint.

    Args:
        checkpoint: Of any member.
        title: What the member is, such as its model's name.
        metrics: Its out-of-fold figures.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
    """
    configuration = checkpoint.configuration
    weights = describe_weights(used_weights({title: configuration}), WeightsRule())
    data = summarise_data(photos, classes, folds)
    card = checkpoint_card(title, configuration, metrics, data, weights)
    return replace(checkpoint, files={**checkpoint.files, CARD_FILE: card.encode()})
