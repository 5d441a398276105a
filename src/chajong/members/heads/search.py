"""Every head with every setting, out of fold; the best of each kind are pooled into the member.

Choice and weights follow one rule: the rows of a fold use what is best on the other folds, and
rows that no fold's model trained on (the calibration slice, the test photos) use what is best on
all folds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.members.heads.fitted import HEADS, PHOTOS_AT_ONCE
from chajong.members.heads.fold_model import FoldModel, scores_of
from chajong.members.heads.logistic_regression import fit_logistic_regression
from chajong.members.heads.neighbours import fit_neighbours
from chajong.members.heads.normalisation import normalise_features
from chajong.members.heads.prototypes import (
    fit_name_aware,
    fit_prototypes,
    name_aware_prototypes,
)
from chajong.members.heads.whitening import whiten, within_class_covariance
from chajong.predictions.calibration import HOTTEST, fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import accuracy, log_loss
from chajong.predictions.mixture import Mixture, fit_mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from chajong.members.heads.fitted import FittedHead
    from chajong.members.heads.parameters import HeadName, HeadsParameters
    from chajong.members.heads.whitening import Whitened, Whitening, WithinClassCovariance

START_NAME_WEIGHT = 0.2
"""How much of a name is in the prototypes that logistic regression starts from."""

LEAST_WEIGHT = 1.01 / HOTTEST
"""A head that says nothing beside the others gets a weight below it."""

PHOTOS_TO_WEIGH = 8_000
"""Photos at most, evenly spread, that the few weights of a pool are fitted on."""


@dataclass(frozen=True, eq=False)
class HeadSearch:
    """What a search found.

    Attributes:
        out_of_fold: float32 log-probabilities [photos, classes]; rows of the calibration slice,
            which belong to no fold, are uniform.
        fold_models: One model a fold, all of the heads that are pooled on all folds.
        head: Those heads' names and settings.
        candidates: One row a head and setting: out-of-fold log loss at the fitted temperature,
            accuracy, temperature, seconds, its weight in the pool, and in how many folds it was
            chosen.
    """

    out_of_fold: np.ndarray
    fold_models: tuple[FoldModel, ...]
    head: str
    candidates: pd.DataFrame


@dataclass(eq=False)
class Candidate:
    """One head with one setting, across the folds.

    Attributes:
        kind: Which kind of head.
        scores: float32 [photos, classes], of every photo by the head of its fold.
        heads: One a fold.
        whitenings: What photos go through before them, one a fold; None before heads that see
            features as they are.
        seconds: What all folds took.
    """

    kind: HeadName
    scores: np.ndarray
    heads: list[FittedHead]
    whitenings: list[Whitening | None]
    seconds: float = 0.0


def search_heads(
    features: Tensor,
    labels: Tensor,
    folds: np.ndarray,
    label_counts: np.ndarray,
    class_count: int,
    name_embeddings: Tensor,
    parameters: HeadsParameters,
    device: torch.device,
) -> HeadSearch:
    """Fit every head on every fold's training photos and choose by out-of-fold log loss.

    Args:
        features: float32 [photos, width] as the encoder gives them.
        labels: int64 [photos].
        folds: int [photos]; -1 is the calibration slice, which nothing trains on.
        label_counts: bool [photos]; other photos are predicted, but neither train nor score.
        class_count: Number of effective classes.
        name_embeddings: float32 [classes, name dimensions].
        parameters: Which heads are tried.
        device: Where they are fitted.

    Returns:
        The chosen heads and their out-of-fold log-probabilities.
    """
    candidates = fit_candidates(
        features, labels, folds, label_counts, class_count, name_embeddings, parameters, device
    )
    return pool_candidates(candidates, labels.numpy(), folds, label_counts, parameters)


def fit_candidates(
    features: Tensor,
    labels: Tensor,
    folds: np.ndarray,
    label_counts: np.ndarray,
    class_count: int,
    name_embeddings: Tensor,
    parameters: HeadsParameters,
    device: torch.device,
) -> dict[str, Candidate]:
    """Fit every head on every fold's training photos; arguments as of `search_heads`."""
    import torch
    from tqdm import tqdm

    # In parts, as every step of it makes a matrix as large as what it is given.
    parts = features.to(device).split(PHOTOS_AT_ONCE)
    how = parameters.signed_square_root, parameters.l2
    normalised = torch.cat([normalise_features(part, *how) for part in parts])
    labels_there, names_there = labels.to(device), name_embeddings.to(device)
    candidates: dict[str, Candidate] = {}
    for fold in tqdm(np.unique(folds[folds >= 0]), desc="Light heads", unit=" folds"):
        rows = np.flatnonzero((folds != fold) & (folds >= 0) & label_counts)
        held_out = np.flatnonzero(folds == fold)
        training = _Training(
            normalised[rows], labels_there[rows], class_count, names_there, parameters
        )
        for kind in parameters.kinds:
            started = time.perf_counter()
            fitted = _fit(kind, training)
            share = (time.perf_counter() - started) / len(fitted)
            whitening = training.whitened.whitening if HEADS[kind].whitens else None
            scored = scores_of(fitted.values(), whitening, normalised[held_out])
            for (setting, head), scores in zip(fitted.items(), scored, strict=True):
                empty = np.zeros((len(folds), class_count), np.float32)
                candidate = candidates.setdefault(setting, Candidate(kind, empty, [], []))
                candidate.scores[held_out] = scores.cpu().numpy()
                candidate.heads.append(head)
                candidate.whitenings.append(whitening)
                candidate.seconds += share
    return candidates


@dataclass(frozen=True, eq=False)
class _Training:
    """What heads are fitted on; what several share is made once, when a head first asks."""

    features: Tensor
    labels: Tensor
    class_count: int
    names: Tensor
    parameters: HeadsParameters

    @cached_property
    def covariance(self) -> WithinClassCovariance:
        return within_class_covariance(self.features, self.labels, self.class_count)

    @cached_property
    def whitened(self) -> Whitened:
        return whiten(self.features, self.covariance, self.parameters.whitening_shrinkage)

    def prototypes(self, name_weights: Sequence[float]) -> list[Tensor]:
        return name_aware_prototypes(
            self.whitened.directions, self.labels, self.class_count, self.names, name_weights
        )


def _fit(kind: HeadName, training: _Training) -> dict[str, FittedHead]:
    """Fit one kind of head with all its settings; keys name kind and setting."""
    parameters, labels, count = training.parameters, training.labels, training.class_count
    heads: Sequence[FittedHead]
    if kind == "logistic_regression":
        scales, pulls = parameters.scales, sorted(parameters.pulls, reverse=True)
        titles = [
            f"logistic regression, scale {scale:g}, pull {pull:g}"
            for scale in scales
            for pull in pulls
        ]
        (start,) = training.prototypes([START_NAME_WEIGHT])
        heads = fit_logistic_regression(training.whitened.directions, labels, start, scales, pulls)
    elif kind == "prototypes":
        titles = [f"prototypes, shrinkage {value:g}" for value in parameters.shrinkages]
        heads = fit_prototypes(
            training.features, labels, count, training.covariance, parameters.shrinkages
        )
    elif kind == "neighbours":
        titles = [f"{value} nearest neighbours" for value in parameters.neighbours]
        heads = fit_neighbours(
            training.whitened.directions,
            labels,
            count,
            parameters.neighbours,
            parameters.sharpness,
        )
    else:
        titles = [f"prototypes and names, weight {value:g}" for value in parameters.name_weights]
        heads = fit_name_aware(training.prototypes(parameters.name_weights))
    return dict(zip(titles, heads, strict=True))


def pool_candidates(
    candidates: dict[str, Candidate],
    labels: np.ndarray,
    folds: np.ndarray,
    label_counts: np.ndarray,
    parameters: HeadsParameters,
) -> HeadSearch:
    """Cross-fit the choice of settings and the weights of the pool; see `search_heads`."""
    class_count = next(iter(candidates.values())).scores.shape[1]
    out_of_fold = np.full((len(folds), class_count), -np.log(class_count), np.float32)
    chosen_in: list[str] = []
    for fold in np.unique(folds[folds >= 0]):
        others = (folds >= 0) & (folds != fold) & label_counts
        pool = _pool(candidates, _assess(candidates, labels, others), labels, others)
        out_of_fold[folds == fold] = pool.mixture.log_probabilities(
            [candidates[setting].scores[folds == fold] for setting in pool.settings]
        )
        chosen_in += pool.settings
    counted = (folds >= 0) & label_counts
    table = _assess(candidates, labels, counted)
    pool = _pool(candidates, table, labels, counted)
    weights = dict(zip(pool.settings, pool.mixture.weights, strict=True))
    table["weight"] = [weights.get(head, 0.0) for head in table["head"]]
    table["chosen_in_folds"] = [chosen_in.count(head) for head in table["head"]]
    table["seconds"] = [candidates[head].seconds for head in table["head"]]
    return HeadSearch(
        out_of_fold=out_of_fold,
        fold_models=_fold_models(candidates, pool, parameters),
        head=" + ".join(pool.settings),
        candidates=table.drop(columns="kind"),
    )


@dataclass(frozen=True)
class _Pool:
    """The settings that are pooled, the best first, and their weights."""

    settings: tuple[str, ...]
    mixture: Mixture


def _pool(
    candidates: dict[str, Candidate], table: pd.DataFrame, labels: np.ndarray, photos: np.ndarray
) -> _Pool:
    """Weigh the best setting of each kind, and leave out what adds nothing to the very best."""
    settings = table.drop_duplicates("kind")["head"].tolist()
    counted = np.flatnonzero(photos)
    rows = counted[:: -(-len(counted) // PHOTOS_TO_WEIGH)]
    scores = [candidates[setting].scores[rows] for setting in settings]
    weights = fit_mixture(scores, labels[rows]).weights
    kept = [place for place, weight in enumerate(weights) if place == 0 or weight > LEAST_WEIGHT]
    return _Pool(
        tuple(settings[place] for place in kept), Mixture(tuple(weights[place] for place in kept))
    )


def _fold_models(
    candidates: dict[str, Candidate], pool: _Pool, parameters: HeadsParameters
) -> tuple[FoldModel, ...]:
    pooled = [candidates[setting] for setting in pool.settings]
    return tuple(
        FoldModel(
            heads={each.kind: each.heads[fold] for each in pooled},
            whitening=next(filter(None, (each.whitenings[fold] for each in pooled)), None),
            mixture=pool.mixture,
            signed_square_root=parameters.signed_square_root,
            l2=parameters.l2,
        )
        for fold in range(len(pooled[0].heads))
    )


def _assess(
    candidates: dict[str, Candidate], labels: np.ndarray, photos: np.ndarray
) -> pd.DataFrame:
    """Give every candidate's log loss and accuracy at its own temperature, the best first."""
    rows = []
    for head, candidate in candidates.items():
        scores = candidate.scores[photos]
        temperature = fit_temperature(scores, labels[photos])
        log_probabilities = normalise_log(scores / temperature)
        rows.append(
            {
                "head": head,
                "kind": candidate.kind,
                "log_loss": log_loss(log_probabilities, labels[photos]),
                "accuracy": accuracy(log_probabilities, labels[photos]),
                "temperature": temperature,
            }
        )
    return pd.DataFrame(rows).sort_values("log_loss", kind="stable", ignore_index=True)
