"""Whether two small grey pictures show one photo, however it was cut, zoomed and lit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.loading import photo_batches
from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.photos.store import PhotoStore

SIDE = 48
"""Pixels of a side of the pictures that are compared."""

LEAST_CORRELATION = 0.985
"""Copies of one photo reach it once they are aligned; photos that only look alike do not."""

_COARSE_SIDE, _COARSE_CORRELATION, _ROUNDS = 16, 0.9, 4
_PLANE_SIDE, _PLANE_CORRELATION = 12, 0.88
_LIMITS = np.array([0.25, 0.3, 0.25, 0.3], dtype=np.float32)
"""Largest zoom and shift along x and y: beyond them pictures have too little in common."""

_STEP = _LIMITS / 3
_NOISE = 4.0
"""Variance of a grey level that encoding leaves: flat pictures correlate by chance without it."""

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_AT_ONCE = 128  # few enough pairs for the processor's cache


def small_pictures(contents: Sequence[str], store: PhotoStore) -> np.ndarray:
    """Decode photos as they are compared.

    Args:
        contents: sha-256 of each photo.
        store: The photos.

    Returns:
        Grey values, uint8 [photos, `SIDE`, `SIDE`].
    """
    batches = photo_batches(contents, store, Preparation(SIDE, SIDE), 256, "Looking for duplicates")
    grey = [(batch[:, 0].transpose(0, 2, 3, 1) @ _GREY).astype(np.uint8) for batch in batches]
    return np.concatenate([np.empty((0, SIDE, SIDE), dtype=np.uint8), *grey])


def tangent_planes(pictures: np.ndarray) -> np.ndarray:
    """Span what each picture becomes by small shifts and zooms.

    Tangent distances do so: Simard, LeCun and Denker 1993, Efficient pattern recognition using a
    new transformation distance.

    Args:
        pictures: Grey values, uint8 [photos, `SIDE`, `SIDE`].

    Returns:
        Orthonormal vectors, float32 [photos, pixels, 5].
    """
    small = _reduced(pictures, _PLANE_SIDE)
    spanned = _flat(np.concatenate([small[:, None], _slopes(small)], axis=1))
    spanned -= spanned.mean(axis=2, keepdims=True)
    return np.asarray(np.linalg.qr(spanned.transpose(0, 2, 1))[0])


def directions(pictures: np.ndarray) -> np.ndarray:
    """Give each picture as a point that `may_agree` compares with tangent planes.

    Args:
        pictures: Grey values, uint8 [photos, `SIDE`, `SIDE`].

    Returns:
        Vectors of unit length, float32 [photos, pixels].
    """
    flat = _flat(_reduced(pictures, _PLANE_SIDE))
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.sqrt((flat**2).sum(axis=1, keepdims=True) + _NOISE))


def may_agree(plane: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pass over pairs that no small shift and zoom makes the same, at little cost.

    Args:
        plane: One of `tangent_planes`, float32 [pixels, 5].
        others: Some of `directions`, float32 [photos, pixels].

    Returns:
        bool [photos].
    """
    return np.asarray(((others @ plane) ** 2).sum(axis=1) > _PLANE_CORRELATION**2)


def agree(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Align each pair by shift and zoom, and ask whether the grey values correlate there.

    The parameters follow from Gauss-Newton steps, first on a coarser picture (Evangelidis and
    Psarakis 2008, Parametric image alignment using enhanced correlation coefficient maximization).
    Correlation leaves brightness and contrast out, and a parabola of the grey values what gamma
    and clipped lights do.

    Args:
        first: Grey values, uint8 [pairs, `SIDE`, `SIDE`].
        second: What each is compared with, of the same shape.

    Returns:
        bool [pairs].
    """
    agreeing = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        agreeing[rows] = _agree_at_once(
            first[rows].astype(np.float32), second[rows].astype(np.float32)
        )
    return agreeing


def _agree_at_once(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    moves = np.zeros((len(first), len(_LIMITS)), dtype=np.float32)
    coarse = _reduced(first, _COARSE_SIDE), _reduced(second, _COARSE_SIDE)
    correlation, moves = _aligned(*coarse, moves)
    promising = np.flatnonzero(correlation > _COARSE_CORRELATION)
    fine = _softened(first[promising]), _softened(second[promising])
    _, moves = _aligned(*fine, moves[promising])
    still, moved, inside = _overlaid(*fine, moves)
    correlations = [
        _correlation(still, _toned(moved, still, inside), inside),
        _correlation(moved, _toned(still, moved, inside), inside),
    ]
    agreeing = np.zeros(len(first), dtype=bool)
    agreeing[promising] = np.maximum(*correlations) > LEAST_CORRELATION
    return agreeing


def _aligned(
    first: np.ndarray, second: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Improve zooms and shifts, and give the best correlation with the moves that lead to it."""
    best, best_moves = np.full(len(first), -1, dtype=np.float32), moves
    for round_number in range(_ROUNDS + 1):
        still, moved, inside = _overlaid(first, second, moves)
        correlation = _correlation(still, moved, inside)
        better = correlation > best
        best = np.where(better, correlation, best)
        best_moves = np.where(better[:, None], moves, best_moves)
        if round_number < _ROUNDS:
            moves = np.clip(moves + _improvement(still, moved, inside), -_LIMITS, _LIMITS)
    return best, best_moves


def _overlaid(
    first: np.ndarray, second: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample the second pictures on the first; both centred, and zero where one ends."""
    across, inside_across = _resampling(moves[:, 0], moves[:, 1], first.shape[2])
    down, inside_down = _resampling(moves[:, 2], moves[:, 3], first.shape[1])
    inside = (inside_down[:, :, None] & inside_across[:, None, :]).astype(np.float32)
    moved = down @ second @ across.transpose(0, 2, 1)
    return _centred(first, inside), _centred(moved, inside), inside


def _resampling(zoom: np.ndarray, shift: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the linear interpolation along an axis as a matrix, and which rows are inside."""
    places = (1 + zoom[:, None]) * _places(side) + shift[:, None]
    pixels = ((places + 1) * side - 1) / 2
    weights = np.maximum(0, 1 - np.abs(pixels[:, :, None] - np.arange(side, dtype=np.float32)))
    return weights, (pixels >= 0) & (pixels <= side - 1)


def _centred(pictures: np.ndarray, inside: np.ndarray) -> np.ndarray:
    means = (pictures * inside).sum(axis=(1, 2)) / inside.sum(axis=(1, 2))
    return np.asarray((pictures - means[:, None, None]) * inside)


def _correlation(still: np.ndarray, moved: np.ndarray, inside: np.ndarray) -> np.ndarray:
    noise = _NOISE * inside.sum(axis=(1, 2))
    spread = [(each**2).sum(axis=(1, 2)) + noise for each in (still, moved)]
    return np.asarray((still * moved).sum(axis=(1, 2)) / np.sqrt(spread[0] * spread[1]))


def _toned(pictures: np.ndarray, like: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Bend grey values by the parabola that brings them nearest to those of other pictures."""
    curved = _centred(pictures**2 / 128, inside)
    curved -= _share(curved, pictures, inside) * pictures
    bent = _share(like, pictures, inside) * pictures + _share(like, curved, inside) * curved
    return np.asarray(bent)


def _share(pictures: np.ndarray, part: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Give how much of a part is in each picture, by least squares: float32 [photos, 1, 1]."""
    noise = _NOISE * inside.sum(axis=(1, 2))
    shares = (pictures * part).sum(axis=(1, 2)) / ((part**2).sum(axis=(1, 2)) + noise)
    return np.asarray(shares[:, None, None])


def _improvement(still: np.ndarray, moved: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Solve for the zooms, shifts and contrast that bring the moved pictures nearer."""
    slopes = _slopes(moved) * inside[:, None]
    design = _flat(np.concatenate([slopes, moved[:, None]], axis=1))
    normal = design @ design.transpose(0, 2, 1)
    ridge = 1e-3 * np.einsum("nii->ni", normal) + _NOISE
    normal += ridge[:, :, None] * np.eye(5, dtype=np.float32)
    solved = np.linalg.solve(normal, design @ _flat(still)[:, :, None])[:, :, 0]
    return np.clip(solved[:, :4] / np.maximum(solved[:, 4:], 0.25), -_STEP, _STEP)


def _slopes(pictures: np.ndarray) -> np.ndarray:
    """Differentiate by zoom and shift along x, then along y: float32 [photos, 4, side, side]."""
    side = pictures.shape[1]
    down, across = (slope * (side / 2) for slope in np.gradient(pictures, axis=(1, 2)))
    places = _places(side)
    return np.stack([across * places, across, down * places[:, None], down], axis=1)


def _places(side: int) -> np.ndarray:
    """Give the centres of a side's pixels, from -1 to 1 at the picture's edges."""
    return ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)


def _reduced(pictures: np.ndarray, side: int) -> np.ndarray:
    block = SIDE // side
    return np.asarray(
        pictures.reshape(-1, side, block, side, block).mean(axis=(2, 4), dtype=np.float32)
    )


def _flat(pictures: np.ndarray) -> np.ndarray:
    """Put the pixels of each picture in one row."""
    return pictures.reshape(*pictures.shape[:-2], pictures.shape[-2] * pictures.shape[-1])


def _softened(pictures: np.ndarray) -> np.ndarray:
    """Blur a little, so that how a copy was resampled matters less."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(pictures, (0, 0.7, 0.7), mode="nearest"))
