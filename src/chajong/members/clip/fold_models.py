"""CLIP's fold models: which α of WiSE-FT they take, and what photos are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import normalize

from chajong.device import best_device
from chajong.encoders.extraction import encode_all
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.evidence import name_scores, neighbour_scores, prototype_scores
from chajong.members.clip.interpolation import interpolate
from chajong.members.clip.prompts import class_prompts
from chajong.members.heads.whitening import whiten, within_class_covariance
from chajong.members.trained.checkpoint import proof_photos, trained_checkpoint
from chajong.members.trained.member import Scored, cross_fit_rows, join_scored
from chajong.members.trained.views import log_probability_views, views_of
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import log_loss
from chajong.training.folds import training_rows
from chajong.training.moving_average import load_trained_weights, trained_weights

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chajong.encoders.views import ViewAverage
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.clip.parameters import ClipParameters
    from chajong.members.heads.whitening import Whitened
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.moving_average import Weights

WHITENING_SHRINKAGE = 0.3
"""Share of the identity in the covariance that is whitened, the default of the light heads."""

EVIDENCE = ("names", "prototypes", "neighbours")
"""What a photo is compared with, in the order of the evidence."""


@dataclass(frozen=True)
class ChosenAlphas:
    """Values of WiSE-FT's α, the share of the trained weights.

    Attributes:
        by_photo: For each train photo the α that the other parts' photos chose.
        overall: The α that all chose, for photos that no fold's model trained on.
    """

    by_photo: dict[str, float]
    overall: float

    def of(self, photo_id: str) -> float:
        """Give the α with which a photo is scored."""
        return self.by_photo.get(photo_id, self.overall)


class FoldModels:
    """One model that takes the weights of any fold, at any α between start and trained."""

    def __init__(
        self, weights: dict[int, Weights], parameters: ClipParameters, tables: TrainingTables
    ) -> None:
        """Build the model once.

        Args:
            weights: Trained weights by fold.
            parameters: The model, the α that are tried, and the views of a photo.
            tables: The photos.
        """
        self._weights = weights
        self._parameters = parameters
        self._tables = tables
        self._model = (
            build_clip_classifier(parameters, class_prompts(tables.classes))
            .eval()
            .to(best_device())
        )
        start = trained_weights(self._model)
        self._start = {name: part.cpu().clone() for name, part in start.items()}
        self._seen: dict[tuple[int, float], tuple[torch.Tensor, torch.Tensor]] = {}
        # Weights between random and trained ones mean nothing.
        self._alphas = (1.0,) if parameters.weights == "random" else parameters.wise_ft_alphas

    def choose_alphas(self) -> ChosenAlphas:
        """Choose α with the lowest log loss, cross-fitted.

        Source: Wortsman et al., Robust fine-tuning of zero-shot models (CVPR 2022).
        """
        tried = {
            alpha: join_scored([self._score_by_names(fold, alpha) for fold in self._weights])
            for alpha in self._alphas
        }
        rows = next(iter(tried.values())).rows

        def choose(used: np.ndarray, labels: np.ndarray) -> float:
            return min(tried, key=lambda alpha: _loss(tried[alpha].evidence[0][used], labels))

        fitted = cross_fit_rows(choose, rows, self._tables)
        by_row = fitted.apply(lambda alpha, chosen: np.full(chosen.sum(), alpha))
        return ChosenAlphas(dict(zip(rows["photo_id"], by_row, strict=True)), fitted.overall)

    def score(self, fold: int, alphas: ChosenAlphas) -> Scored:
        """Compare the photos that a fold's model did not train on with all evidence.

        Args:
            fold: The fold.
            alphas: From `choose_alphas`.

        Returns:
            The rows with one array a kind of evidence.
        """
        rows = self._tables.rows_of_fold(fold)
        row_alphas = np.array([alphas.of(photo) for photo in rows["photo_id"]])
        shape = (len(rows), len(self._tables.class_names))
        evidence = tuple(np.empty(shape, np.float32) for _ in EVIDENCE)
        for alpha in np.unique(row_alphas):
            chosen = row_alphas == alpha
            compared = self._compare(fold, alpha, rows.loc[chosen, "photo_id"])
            for whole, part in zip(evidence, compared, strict=True):
                whole[chosen] = part
        return Scored(rows, evidence)

    def checkpoint(self, alpha: float, configuration: dict[str, Any]) -> Checkpoint:
        """Keep every fold's model and the training photos that it compares with.

        Weights stay as training left them, and so need no second place on the disk; see
        `loading_of`.

        Args:
            alpha: α of WiSE-FT.
            configuration: What else is needed to predict.
        """
        views = log_probability_views(self._model, self._parameters)
        proof = proof_photos(self._tables, views.preparation)
        proofs, compared = {}, {}
        for fold in self._weights:
            self._set(fold, alpha)
            proofs[fold] = views.encode_exactly(proof.views)
            embedded, labels = self._training_photos(fold, alpha)
            compared[f"evidence.fold_{fold}.photos"] = embedded.half()
            compared[f"evidence.fold_{fold}.labels"] = labels
        chosen = {"wise_ft_alpha": alpha, "interpolated": False}
        checkpoint = trained_checkpoint(self._weights, proof, proofs, configuration | chosen)
        return replace(checkpoint, tensors={**checkpoint.tensors, **compared})

    def _set(self, fold: int, alpha: float) -> None:
        mixed = interpolate(self._start, self._weights[fold], alpha)
        load_trained_weights(self._model, mixed)

    def _embed(self, fold: int, alpha: float, photo_ids: Iterable[str], title: str) -> torch.Tensor:
        self._set(fold, alpha)
        title = f"fold {fold}, {title}"
        return embed_photos(self._model, photo_ids, self._parameters, self._tables, title)

    def _score_by_names(self, fold: int, alpha: float) -> Scored:
        rows = self._tables.rows_of_fold(fold)
        own = rows[rows["split"] == "train"]
        embedded = self._embed(fold, alpha, own["photo_id"], f"α = {alpha:g}")
        return Scored(own, (scored_by_names(self._model, embedded),))

    def _compare(self, fold: int, alpha: float, photo_ids: Iterable[str]) -> tuple[np.ndarray, ...]:
        seen, labels = self._training_photos(fold, alpha)
        photos = self._embed(fold, alpha, photo_ids, "scoring")
        return compare(known_to(self._model, seen, labels), photos)

    def _training_photos(self, fold: int, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed what a fold's model was trained on: never a photo that it scores."""
        if (fold, alpha) not in self._seen:
            folds = self._tables.folds
            photo_ids = folds.loc[training_rows(folds, fold), "photo_id"]
            embedded = self._embed(fold, alpha, photo_ids, "training photos")
            labels = torch.from_numpy(self._tables.labels_of(photo_ids))
            # As a checkpoint keeps them, so that a loaded model gives the same scores.
            self._seen[fold, alpha] = embedded.half().float(), labels
        return self._seen[fold, alpha]


@dataclass(frozen=True, eq=False)
class Known:
    """What a fold's model compares photos with, the same for every photo.

    Attributes:
        names: Embedded classes, float32 [classes, dimensions].
        scale: What cosines to names are multiplied by.
        whitened: The fold's training photos, all zooms of each joined.
        averaged: The same photos, the zooms of each averaged, [training photos, dimensions].
        labels: int64 [training photos].
    """

    names: torch.Tensor
    scale: float
    whitened: Whitened
    averaged: torch.Tensor
    labels: torch.Tensor


def known_to(model: ClipClassifier, seen: torch.Tensor, labels: torch.Tensor) -> Known:
    """Gather what photos are compared with.

    Prototypes are compared as the light heads do: what differs from photo to photo of one car
    counts less than what differs between cars.

    Args:
        model: A fold's model.
        seen: The fold's embedded training photos, float32 [photos, zooms, dimensions] of length 1.
        labels: int64 [photos].
    """
    names = model.class_embeddings().cpu()
    joined = seen.flatten(1)
    covariance = within_class_covariance(joined, labels, len(names))
    whitened = whiten(joined, covariance, WHITENING_SHRINKAGE)
    return Known(names, model.scale(), whitened, _averaged(seen), labels)


def compare(known: Known, photos: torch.Tensor) -> tuple[np.ndarray, ...]:
    """Compare photos with class names and with training photos.

    Args:
        known: What they are compared with.
        photos: Embedded photos, float32 [photos, zooms, dimensions] of length 1.

    Returns:
        One array [photos, classes] a kind of `EVIDENCE`.
    """
    count, whitened = len(known.names), known.whitened
    by_name = name_scores(_averaged(photos), known.names)
    round_photos = whitened.whitening(photos.flatten(1))
    return (
        normalise_log(known.scale * by_name.numpy()),
        prototype_scores(round_photos, whitened.directions, known.labels, count, by_name).numpy(),
        neighbour_scores(_averaged(photos), known.averaged, known.labels, count).numpy(),
    )


def embed_photos(
    model: ClipClassifier,
    photo_ids: Iterable[str],
    parameters: ClipParameters,
    tables: TrainingTables,
    title: str,
) -> torch.Tensor:
    """Embed photos at every zoom, as float32 [photos, zooms, dimensions] of length 1."""
    contents = tables.contents_of(photo_ids)
    views = embedding_views(model, parameters)
    return by_zoom(encode_all(contents, tables.store, views, f"clip, {title}"), parameters)


def embedding_views(model: ClipClassifier, parameters: ClipParameters) -> ViewAverage:
    """Wrap a model so that it gives the embeddings of every zoom side by side."""
    return views_of(model, parameters, model.photo_embeddings, join=True)


def by_zoom(embedded: np.ndarray, parameters: ClipParameters) -> torch.Tensor:
    """Part what `embedding_views` gave by zoom: [photos, zooms, dimensions] of length 1."""
    parted = torch.from_numpy(embedded).unflatten(1, (len(parameters.zoom), -1))
    return normalize(parted, dim=2)


def _averaged(photos: torch.Tensor) -> torch.Tensor:
    """Average the zooms of photos [photos, zooms, dimensions]: [photos, dimensions], length 1."""
    return normalize(photos.mean(1), dim=1)


def scored_by_names(model: ClipClassifier, photos: torch.Tensor) -> np.ndarray:
    """Give the model's own log-probabilities of photos that are embedded already."""
    cosines = name_scores(_averaged(photos), model.class_embeddings().cpu()).numpy()
    return normalise_log(model.scale() * cosines)


def _loss(scores: np.ndarray, labels: np.ndarray) -> float:
    return log_loss(normalise_log(scores / fit_temperature(scores, labels)), labels)
