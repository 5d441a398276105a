"""Every head with every setting, out of fold; the best one becomes the member.

Choice and temperature follow one rule: the rows of a fold use what is best on the other folds, and
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

from chajong.members.heads.cosine_softmax import fit_cosine_softmax
from chajong.members.heads.logistic_regression import fit_logistic_regression
from chajong.members.heads.neighbours import fit_neighbours
from chajong.members.heads.normalisation import normalise_features
from chajong.members.heads.prototypes import fit_name_aware, fit_prototypes
from chajong.members.heads.whitening import whiten, within_class_covariance
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import accuracy, log_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from chajong.members.heads.fitted import FittedHead
    from chajong.members.heads.parameters import HeadName, HeadsParameters
    from chajong.members.heads.whitening import Whitened, WithinClassCovariance

TOLERANCE = 1e-5
"""Relative decrease that a step of logistic regression must still promise to be taken."""


@dataclass(frozen=True, eq=False)
class FoldModel:
    """One fold's head with its normalisation and temperature.

    Attributes:
        head: The head.
        temperature: What scores are divided by before the softmax.
        signed_square_root: Whether features x become sign(x) √|x|.
        l2: Whether each photo's features are divided by their length.
    """

    head: FittedHead
    temperature: float
    signed_square_root: bool
    l2: bool

    def log_probabilities(self, features: Tensor) -> np.ndarray:
        """Score photos.

        Args:
            features: As the encoder gives them, of shape [photos, width], on any device.

        Returns:
            float32 of shape [photos, classes].
        """
        device = next(iter(self.head.tensors().values())).device
        normalised = normalise_features(features.to(device), self.signed_square_root, self.l2)
        return normalise_log(self.head.scores(normalised).cpu().numpy() / self.temperature)


@dataclass(frozen=True, eq=False)
class HeadSearch:
    """What a search found.

    Attributes:
        out_of_fold: float32 log-probabilities [photos, classes]; rows of the calibration slice,
            which belong to no fold, are uniform.
        fold_models: One model a fold, all of the head that is best on all folds.
        head: That head's name and setting.
        candidates: One row a head and setting: out-of-fold log loss at the fitted temperature,
            accuracy, temperature, seconds, whether it was chosen, and in how many folds.
    """

    out_of_fold: np.ndarray
    fold_models: tuple[FoldModel, ...]
    head: str
    candidates: pd.DataFrame


@dataclass(eq=False)
class _Candidate:
    """One head with one setting, across the folds."""

    scores: np.ndarray
    heads: list[FittedHead]
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
    from tqdm import tqdm

    normalised = normalise_features(
        features.to(device), parameters.signed_square_root, parameters.l2
    )
    labels_there, names_there = labels.to(device), name_embeddings.to(device)
    candidates: dict[str, _Candidate] = {}
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
            for setting, head in fitted.items():
                empty = np.zeros((len(folds), class_count), np.float32)
                candidate = candidates.setdefault(setting, _Candidate(empty, []))
                candidate.scores[held_out] = head.scores(normalised[held_out]).cpu().numpy()
                candidate.heads.append(head)
                candidate.seconds += share
    return _choose(candidates, labels.numpy(), folds, label_counts, parameters)


@dataclass(frozen=True, eq=False)
class _Training:
    """What heads are fitted on; the covariance is measured once, when a head first asks."""

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


def _fit(kind: HeadName, training: _Training) -> dict[str, FittedHead]:
    """Fit one kind of head with all its settings; keys name kind and setting."""
    parameters, labels, count = training.parameters, training.labels, training.class_count
    heads: Sequence[FittedHead]
    if kind == "logistic_regression":
        strengths = sorted(parameters.inverse_regularisation)
        titles = [f"logistic regression, C = {value:g}" for value in strengths]
        heads = fit_logistic_regression(training.features, labels, count, strengths, TOLERANCE)
    elif kind == "cosine_softmax":
        titles = [f"cosine softmax, scale {value:g}" for value in parameters.scales]
        heads = fit_cosine_softmax(training.whitened, labels, count, parameters.scales)
    elif kind == "prototypes":
        titles = [f"prototypes, shrinkage {value:g}" for value in parameters.shrinkages]
        heads = fit_prototypes(
            training.features, labels, count, training.covariance, parameters.shrinkages
        )
    elif kind == "neighbours":
        titles = [f"{value} nearest neighbours" for value in parameters.neighbours]
        heads = fit_neighbours(
            training.whitened, labels, count, parameters.neighbours, parameters.sharpness
        )
    else:
        titles = [f"prototypes and names, weight {value:g}" for value in parameters.name_weights]
        heads = fit_name_aware(
            training.whitened, labels, count, training.names, parameters.name_weights
        )
    return dict(zip(titles, heads, strict=True))


def _choose(
    candidates: dict[str, _Candidate],
    labels: np.ndarray,
    folds: np.ndarray,
    label_counts: np.ndarray,
    parameters: HeadsParameters,
) -> HeadSearch:
    """Cross-fit choice and temperature."""
    class_count = next(iter(candidates.values())).scores.shape[1]
    out_of_fold = np.full((len(folds), class_count), -np.log(class_count), np.float32)
    chosen_in: list[str] = []
    for fold in np.unique(folds[folds >= 0]):
        others = (folds >= 0) & (folds != fold) & label_counts
        setting, temperature = _best(_assess(candidates, labels, others))
        scores = candidates[setting].scores[folds == fold]
        out_of_fold[folds == fold] = normalise_log(scores / temperature)
        chosen_in.append(setting)
    table = _assess(candidates, labels, (folds >= 0) & label_counts)
    setting, temperature = _best(table)
    table["chosen"] = table["head"] == setting
    table["chosen_in_folds"] = [chosen_in.count(head) for head in table["head"]]
    table["seconds"] = [candidates[head].seconds for head in table["head"]]
    normalisation = (parameters.signed_square_root, parameters.l2)
    return HeadSearch(
        out_of_fold=out_of_fold,
        fold_models=tuple(
            FoldModel(head, temperature, *normalisation) for head in candidates[setting].heads
        ),
        head=setting,
        candidates=table,
    )


def _assess(
    candidates: dict[str, _Candidate], labels: np.ndarray, photos: np.ndarray
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
                "log_loss": log_loss(log_probabilities, labels[photos]),
                "accuracy": accuracy(log_probabilities, labels[photos]),
                "temperature": temperature,
            }
        )
    return pd.DataFrame(rows).sort_values("log_loss", kind="stable", ignore_index=True)


def _best(table: pd.DataFrame) -> tuple[str, float]:
    return str(table["head"].iloc[0]), float(table["temperature"].iloc[0])
