"""The members of trained backbones: fold models built, scored and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chajong.device import best_device
from chajong.encoders.backends import backends_chosen
from chajong.encoders.extraction import encode_all
from chajong.encoders.published import (
    at_commit,
    name_model_identity,
    pinned,
    pinned_names,
    weights_identity,
)
from chajong.engine import HERE
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion, start_from_backbone
from chajong.members.backbone.names import fusion_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.backbone.pooled import EVIDENCE, PooledClassifier, fit_discriminant
from chajong.members.checkpoint import CheckpointError, check_class_names
from chajong.members.heads.fitted import LinearHead
from chajong.members.trained.checkpoint import (
    proof_photos,
    restore_fold_model,
    trained_checkpoint,
)
from chajong.members.trained.member import (
    Scored,
    calibrated_predictions,
    join_scored,
    over_folds,
    score_rows,
    trained_metrics,
)
from chajong.members.trained.views import views_of
from chajong.predictions.contract import effective_class_names
from chajong.predictions.measurement import measure
from chajong.training.engine import check_device
from chajong.training.folds import training_rows
from chajong.training.memory import release_memory
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from chajong.encoders.views import ViewAverage
    from chajong.engine import Engine
    from chajong.members.backbone.names import NameTargets
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.trained.checkpoint import Proof
    from chajong.members.trained.kind import Builder
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions
    from chajong.training.moving_average import Weights
    from chajong.training.parameters import TrainingParameters

    Build = Callable[[], Any]
    """Makes a `BackboneClassifier` or a `FusionClassifier` with its starting weights."""

DISCRIMINANT = ("weights", "intercepts")
"""The parts of a `LinearHead`, in its own order."""

NOT_IN_KEY = {"weights", "revision", "name_revision", "flip", "zoom", "prediction_batch_size"}
"""Settings of prediction, which training does not depend on; weights go in by content."""


def model_identity(parameters: BackboneParameters) -> dict[str, Any]:
    """Say which model starts from which weights, as JSON values."""
    return {
        **parameters.model_dump(mode="json", exclude=NOT_IN_KEY),
        "weights": weights_identity(parameters),
        **_names_in_key(parameters),
    }


def _names_in_key(parameters: BackboneParameters) -> dict[str, str]:
    if not isinstance(parameters, FusionParameters):
        return {}
    return {"name_model": name_model_identity(parameters)}


def check_backbone(model: BackboneParameters, training: TrainingParameters) -> dict[str, Any]:
    """Build the model once, so that a wrong name or file stops the run before long work starts.

    Args:
        model: The backbone, with or without names.
        training: How it is trained.

    Returns:
        What the model's training depends on, and the height and width of its input in pixels.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
        TrainingError: A GPU is asked for and there is none.
    """
    check_device(training)
    built = build_backbone(model, class_count=2)
    return {"identity": model_identity(model), "image_size": built.image_size}


def written_settings(parameters: BackboneParameters) -> dict[str, Any]:
    """Give settings as a checkpoint keeps them: with commits for what came from the hub."""
    names = pinned_names(parameters) if isinstance(parameters, FusionParameters) else {}
    return pinned(parameters) | names


def backbone_builder(parameters: BackboneParameters, tables: TrainingTables) -> Builder:
    """Say how the plain classifier of a fold is made: the same for every fold."""
    build = partial(build_backbone, at_commit(parameters), len(tables.class_names))
    return lambda fold: build


def fusion_builder(
    parameters: FusionParameters, tables: TrainingTables, start: Checkpoint | None = None
) -> Builder:
    """Say how the classifier that knows names is made for a fold.

    Args:
        parameters: Which backbone, and where names enter.
        tables: The classes.
        start: A backbone member's fold models, where training starts from them.

    Returns:
        From a fold to what makes its model.
    """
    names = fusion_targets(tables.classes, parameters)
    settings = at_commit(parameters)
    if start is None:
        build = partial(build_fusion, settings, names)
        return lambda fold: build
    backbone_of = trained_backbones(start, tables)
    return lambda fold: partial(_build_from_backbone, settings, names, backbone_of(fold))


def trained_backbones(checkpoint: Checkpoint, tables: TrainingTables) -> Callable[[int], Weights]:
    """Say how the plain classifier of a fold is built from a checkpoint.

    Args:
        checkpoint: Of a backbone member.
        tables: The classes and folds of this run.

    Returns:
        From a fold to the whole `state_dict` of its model. It raises a CheckpointError where there
        is none, or where it does not reproduce the scores that were saved with it.

    Raises:
        CheckpointError: The models were trained for other classes, photos or folds.
    """
    check_class_names(checkpoint, tables.class_names)
    if checkpoint.configuration["contract"] != tables.training_contract:
        message = (
            "The models that training is to start from were trained with other photos, labels or "
            "folds, some of them on the photos that their successors would be scored on: run the "
            "member that `start` names again."
        )
        raise CheckpointError(message)
    parameters = BackboneParameters(**checkpoint.configuration["model"])
    build = partial(build_backbone, parameters, len(tables.class_names))

    def state_of(fold: int) -> Weights:
        if fold not in checkpoint.configuration["folds"]:
            message = (
                f"Training is to start from the model of fold {fold} of the member that `start` "
                "names, and there is none: train that fold of it, too (`training.folds`)."
            )
            raise CheckpointError(message)
        return _restored_model(checkpoint, fold, build, parameters).classifier.cpu().state_dict()

    return state_of


def restored_models(
    checkpoint: Checkpoint, classes: pd.DataFrame
) -> tuple[BackboneParameters, dict[int, PooledClassifier]]:
    """Build the fold models of a checkpoint, and see that they score as they did.

    Args:
        checkpoint: Of a backbone, or of its fusion with names.
        classes: The `classes` table.

    Returns:
        The settings, and models by fold.

    Raises:
        CheckpointError: It is of other classes, or a model does not reproduce its scores.
    """
    configuration = checkpoint.configuration["model"]
    class_names = effective_class_names(classes)
    check_class_names(checkpoint, class_names)
    parameters: BackboneParameters
    if "name_model" in configuration:
        parameters = fusion = FusionParameters(**configuration)
        build: Build = partial(build_fusion, fusion, fusion_targets(classes, fusion))
    else:
        parameters = BackboneParameters(**configuration)
        build = partial(build_backbone, parameters, len(class_names))
    models = {
        fold: _restored_model(checkpoint, fold, build, parameters)
        for fold in checkpoint.configuration["folds"]
    }
    return parameters, models


def _restored_model(
    checkpoint: Checkpoint, fold: int, build: Build, parameters: BackboneParameters
) -> PooledClassifier:
    evidence = checkpoint.configuration["evidence"]
    shares = tuple(evidence[kind] for kind in EVIDENCE)
    discriminant = LinearHead(
        *(checkpoint.tensors[f"evidence.fold_{fold}.{part}"] for part in DISCRIMINANT)
    )
    model = PooledClassifier(build(), discriminant, shares)
    restore_fold_model(
        checkpoint,
        fold,
        lambda _: model,
        lambda _: views_of(model, parameters, model.evidence),
        lambda _, weights: load_trained_weights(model.classifier, weights),
    )
    return model


def pooled_views(model: Any, parameters: BackboneParameters) -> ViewAverage:
    """Wrap a `PooledClassifier` so that it gives its scores, averaged over views."""
    return views_of(model, parameters, model.scores)


def _build_from_backbone(
    parameters: FusionParameters, names: NameTargets, backbone: Weights
) -> torch.nn.Module:
    fusion = build_fusion(parameters, names)
    start_from_backbone(fusion, backbone)
    return fusion


def predict_folds(
    build: Callable[[int], Build],
    weights: dict[int, Weights],
    training: dict[str, Any],
    parameters: BackboneParameters,
    tables: TrainingTables,
    engine: Engine = HERE,
) -> tuple[Predictions, Checkpoint, dict[str, Any]]:
    """Let every fold's model score the photos that it did not train on.

    Args:
        build: From a fold to what makes its model.
        weights: Trained weights by fold.
        training: What the training cost and was kept under.
        parameters: The views of a photo.
        tables: The photos.
        engine: Where they score.

    Returns:
        The predictions, the models as a checkpoint, and the metrics.
    """
    shares = {fold: (fold, build(fold), trained) for fold, trained in weights.items()}
    make = partial(fold_judge, parameters, tables)
    with measure() as measurement:
        judged = over_folds(engine, make, shares, tables, f"{parameters.model}, scoring")
        joined = join_scored([each.scored for each in judged.values()])
        predictions, mixture = calibrated_predictions(joined, tables)
    evidence = dict(zip(EVIDENCE, mixture.weights, strict=True))
    metrics = trained_metrics(joined, predictions, tables, training, measurement)
    configuration = {
        "model": written_settings(parameters),
        "training": training["key"],
        "evidence": evidence,
        "contract": tables.training_contract,
        "class_names": list(tables.class_names),
    }
    proofs = {fold: each.proof_evidence for fold, each in judged.items()}
    proof = next(iter(judged.values())).proof
    checkpoint = trained_checkpoint(weights, proof, proofs, configuration)
    discriminants = {
        f"evidence.fold_{fold}.{part}": tensor
        for fold, each in judged.items()
        for part, tensor in each.discriminant.tensors().items()
    }
    checkpoint = replace(checkpoint, tensors={**checkpoint.tensors, **discriminants})
    return predictions, checkpoint, metrics | {"evidence": evidence}


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a fold's model says.

    Attributes:
        scored: Of the photos that it did not train on, all kinds of evidence.
        discriminant: On its features, from the photos that it trained on.
        proof: The proof photos.
        proof_evidence: Of these, as `PooledClassifier.evidence` gives it.
    """

    scored: Scored
    discriminant: LinearHead
    proof: Proof
    proof_evidence: np.ndarray


def fold_judge(
    parameters: BackboneParameters, tables: TrainingTables
) -> Callable[[tuple[int, Build, Weights]], _Judged]:
    """Give what scores photos with a fold's model, in whatever process."""
    return partial(_judge_fold, parameters, tables)


def _judge_fold(
    parameters: BackboneParameters, tables: TrainingTables, share: tuple[int, Build, Weights]
) -> _Judged:
    """Score a fold's photos and the proof photos with its model, which is let go of after it."""
    judged = _judge(parameters, tables, *share)
    release_memory()
    return judged


def _judge(
    parameters: BackboneParameters,
    tables: TrainingTables,
    fold: int,
    build: Build,
    weights: Weights,
) -> _Judged:
    classifier = build()
    load_trained_weights(classifier, weights)
    classifier.eval().to(best_device())
    with backends_chosen(classifier):
        discriminant = _discriminant_of(classifier, fold, parameters, tables)
        model = PooledClassifier(classifier, discriminant, (1.0, 0.0)).to(best_device())
        views = views_of(model, parameters, model.evidence)
        scored = score_rows(fold, views, tables, parameters.model)
    proof = proof_photos(tables, views.preparation)
    return _Judged(
        Scored(scored.rows, _by_kind(scored.evidence[0])),
        discriminant,
        proof,
        views.encode_exactly(proof.views),
    )


def _discriminant_of(
    classifier: Any, fold: int, parameters: BackboneParameters, tables: TrainingTables
) -> LinearHead:
    """Fit a discriminant to features of the photos that a fold's model was trained on."""
    photo_ids = tables.folds.loc[training_rows(tables.folds, fold), "photo_id"]
    features = encode_all(
        tables.contents_of(photo_ids),
        tables.store,
        views_of(classifier, parameters, classifier.features),
        f"{parameters.model}, training photos of fold {fold}",
    )
    labels = torch.from_numpy(tables.labels_of(photo_ids))
    return fit_discriminant(torch.from_numpy(features), labels, len(tables.class_names))


def _by_kind(evidence: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.split(evidence, len(EVIDENCE), axis=1))
