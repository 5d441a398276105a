"""Make photos' features comparable, one photo at a time; nothing is learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def normalise_features(features: Tensor, signed_square_root: bool, l2: bool) -> Tensor:
    """Normalise each photo's features on their own.

    The signed square root tames the few large activations of pooled features (power
    normalisation: Perronnin, Sánchez and Mensink, ECCV 2010); L2 makes every photo equally long.

    Args:
        features: float [photos, dimensions].
        signed_square_root: Whether to replace x by sign(x) √|x|.
        l2: Whether to divide each row by its length; an all-zero row stays zero.

    Returns:
        float32 [photos, dimensions].
    """
    from torch.nn.functional import normalize

    features = features.float()
    if signed_square_root:
        features = features.sign() * features.abs().sqrt()
    return normalize(features, dim=1) if l2 else features
