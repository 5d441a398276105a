"""CLIP's fold models: which α of WiSE-FT they take, and what photos are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch.nn.functional import normalize

from chajong.device import best_device
from chajong.encoders.backends import backends_chosen
from chajong.encoders.extraction import encode_all
from chajong.engine import HERE
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.evidence import name_scores, neighbour_scores, prototype_scores
from chajong.members.clip.interpolation import interpolate
from chajong.members.clip.prompts import class_prompts
from chajong.members.heads.whitening import whiten, within_class_covariance
from chajong.members.trained.checkpoint import proof_photos, trained_checkpoint
from chajong.members.trained.member import Scored, cross_fit_rows, join_scored, over_folds
from chajong.members.trained.views import log_probability_views, views_of
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import log_loss
from chajong.training.folds import training_rows
from chajong.training.moving_average import load_trained_weights, trained_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chajong.encoders.views import ViewAverage
    from chajong.engine import Engine
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.clip.classifier import ClipClassifier
    from chajong.members.clip.parameters import ClipParameters
    from chajong.members.heads.whitening import Whitened
    from chajong.members.trained.checkpoint import Proof
    from chajong.members.trained.tables import TrainingTables
    from chajong.training.moving_average import Weights

    FoldWeights = tuple[int, Weights]
    """A fold, and the trained weights of its model."""

Result = TypeVar("Result")

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


@dataclass(frozen=True, eq=False)
class Judged:
    """What a fold's model says.

    Attributes:
        scored: Of the photos that it did not train on, a kind of evidence each of `EVIDENCE`.
        proof: The proof photos.
        proof_scores: Of these, with the α that all photos chose.
        seen: The training photos that it compares with at this α, as `Known` takes them, and their
            labels.
    """

    scored: Scored
    proof: Proof
    proof_scores: np.ndarray
    seen: tuple[torch.Tensor, torch.Tensor]


class FoldModels:
    """The models of all folds, each at any α between start and trained."""

    def __init__(
        self,
        weights: dict[int, Weights],
        parameters: ClipParameters,
        tables: TrainingTables,
        engine: Engine = HERE,
    ) -> None:
        """Keep what they are made of.

        Args:
            weights: Trained weights by fold.
            parameters: The model, the α that are tried, and the views of a photo.
            tables: The photos.
            engine: Where they compute.
        """
        self._weights = weights
        self._parameters = parameters
        self._tables = tables
        self._engine = engine

    def choose_alphas(self) -> ChosenAlphas:
        """Choose α with the lowest log loss, cross-fitted.

        Source: Wortsman et al., Robust fine-tuning of zero-shot models (CVPR 2022).
        """
        if len(self._parameters.alphas) == 1:
            return ChosenAlphas({}, *self._parameters.alphas)
        by_fold = list(self._asked(name_asker, "choosing α").values())
        tried = {alpha: join_scored([fold[alpha] for fold in by_fold]) for alpha in by_fold[0]}
        rows = next(iter(tried.values())).rows

        def choose(used: np.ndarray, labels: np.ndarray) -> float:
            return min(tried, key=lambda alpha: _loss(tried[alpha].evidence[0][used], labels))

        fitted = cross_fit_rows(choose, rows, self._tables)
        by_row = fitted.apply(lambda alpha, chosen: np.full(chosen.sum(), alpha))
        return ChosenAlphas(dict(zip(rows["photo_id"], by_row, strict=True)), fitted.overall)

    def judge(self, alphas: ChosenAlphas) -> dict[int, Judged]:
        """Compare the photos that each fold's model did not train on with all evidence.

        Args:
            alphas: From `choose_alphas`.
        """
        return self._asked(partial(fold_judge, alphas), "scoring")

    def checkpoint(
        self, judged: dict[int, Judged], alpha: float, configuration: dict[str, Any]
    ) -> Checkpoint:
        """Keep every fold's model and the training photos that it compares with.

        Weights stay as training left them, and so need no second place on the disk; see
        `loading_of`.

        Args:
            judged: From `judge`.
            alpha: α of WiSE-FT that all photos chose.
            configuration: What else is needed to predict.
        """
        compared = {}
        for fold, each in judged.items():
            embedded, labels = each.seen
            compared[f"evidence.fold_{fold}.photos"] = embedded.half()
            compared[f"evidence.fold_{fold}.labels"] = labels
        chosen = {"wise_ft_alpha": alpha, "interpolated": False}
        proofs = {fold: each.proof_scores for fold, each in judged.items()}
        proof = next(iter(judged.values())).proof
        checkpoint = trained_checkpoint(self._weights, proof, proofs, configuration | chosen)
        return replace(checkpoint, tensors={**checkpoint.tensors, **compared})

    def _asked(
        self,
        asker: Callable[[ClipParameters, TrainingTables], Callable[[FoldWeights], Result]],
        doing: str,
    ) -> dict[int, Result]:
        """Let every fold's model do something, side by side where there is room."""
        shares = {fold: (fold, trained) for fold, trained in self._weights.items()}
        make = partial(asker, self._parameters, self._tables)
        title = f"{self._parameters.model}, {doing}"
        return over_folds(self._engine, make, shares, self._tables, title)


def name_asker(
    parameters: ClipParameters, tables: TrainingTables
) -> Callable[[FoldWeights], dict[float, Scored]]:
    """Give what scores a fold's own photos by names at every α, in whatever process."""
    return FoldModel(parameters, tables).by_names


def fold_judge(
    alphas: ChosenAlphas, parameters: ClipParameters, tables: TrainingTables
) -> Callable[[FoldWeights], Judged]:
    """Give what compares photos with all evidence of a fold's model, in whatever process."""
    return partial(FoldModel(parameters, tables).judge, alphas)


class FoldModel:
    """One model that takes the weights of any fold, at any α between start and trained."""

    def __init__(self, parameters: ClipParameters, tables: TrainingTables) -> None:
        """Build the model once."""
        self._parameters = parameters
        self._tables = tables
        prompts = class_prompts(tables.classes)
        self._model = build_clip_classifier(parameters, prompts).eval().to(best_device())
        start = trained_weights(self._model)
        self._start = {name: part.cpu().clone() for name, part in start.items()}

    def by_names(self, share: FoldWeights) -> dict[float, Scored]:
        """Score a fold's own photos by the names alone, by α."""
        fold, weights = share
        rows = self._tables.rows_of_fold(fold)
        own = rows[rows["split"] == "train"]
        scored = {}
        for alpha in self._parameters.alphas:
            self._set(weights, alpha)
            with backends_chosen(self._model):
                embedded = self._embed(own["photo_id"], f"fold {fold}, α = {alpha:g}")
            scored[alpha] = Scored(own, (scored_by_names(self._model, embedded),))
        return scored

    def judge(self, alphas: ChosenAlphas, share: FoldWeights) -> Judged:
        """Compare the photos that a fold's model did not train on with all evidence.

        Args:
            alphas: With which each photo is scored.
            share: The fold, and its weights.
        """
        fold, weights = share
        rows = self._tables.rows_of_fold(fold)
        row_alphas = np.array([alphas.of(photo) for photo in rows["photo_id"]])
        shape = (len(rows), len(self._tables.class_names))
        evidence = tuple(np.empty(shape, np.float32) for _ in EVIDENCE)
        views = log_probability_views(self._model, self._parameters)
        proof = proof_photos(self._tables, views.preparation)
        for alpha in {*row_alphas.tolist(), alphas.overall}:
            self._set(weights, alpha)
            chosen = row_alphas == alpha
            with backends_chosen(self._model):
                seen, labels = self._training_photos(fold)
                asked = rows.loc[chosen, "photo_id"]
                photos = self._embed(asked, f"fold {fold}, scoring") if chosen.any() else seen[:0]
            if alpha == alphas.overall:
                kept, proof_scores = (seen, labels), views.encode_exactly(proof.views)
            compared = compare(known_to(self._model, seen, labels), photos)
            for whole, part in zip(evidence, compared, strict=True):
                whole[chosen] = part
        return Judged(Scored(rows, evidence), proof, proof_scores, kept)

    def _set(self, weights: Weights, alpha: float) -> None:
        load_trained_weights(self._model, interpolate(self._start, weights, alpha))

    def _embed(self, photo_ids: Iterable[str], title: str) -> torch.Tensor:
        return embed_photos(self._model, photo_ids, self._parameters, self._tables, title)

    def _training_photos(self, fold: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed what a fold's model was trained on: never a photo that it scores."""
        folds = self._tables.folds
        photo_ids = folds.loc[training_rows(folds, fold), "photo_id"]
        embedded = self._embed(photo_ids, f"fold {fold}, training photos")
        # As a checkpoint keeps them, so that a loaded model gives the same scores.
        return embedded.half().float(), torch.from_numpy(self._tables.labels_of(photo_ids))


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
