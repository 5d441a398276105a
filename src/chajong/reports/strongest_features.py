"""The features that photos are compared by: those of the best frozen encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.encoders.features import content_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.encoders.features import Features


def strongest_features(
    features: Mapping[str, Features], losses: Mapping[str, float], photos: pd.DataFrame
) -> Features | None:
    """Choose the frozen encoder whose member has the lowest out-of-fold log loss.

    Features of trained encoders differ by fold and cannot be compared across folds; those of
    frozen ones can.

    Args:
        features: By member.
        losses: Out-of-fold log loss by member.
        photos: The `photos` table; features of other photos do not count.

    Returns:
        The features, or None where no scored member has features of these photos.
    """
    content = content_of(photos)
    present = {
        name: found
        for name, found in features.items()
        if found.content == content and name in losses
    }
    if not present:
        return None
    return present[min(present, key=lambda name: losses[name])]
