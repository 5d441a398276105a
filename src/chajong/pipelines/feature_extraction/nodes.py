"""Nodes of feature_extraction: photos to features, features to a member's predictions."""

from pathlib import Path
from typing import Any

import pandas as pd

from chajong.encoders.features import Features, content_hash
from chajong.members.checkpoint import Checkpoint
from chajong.members.heads.parameters import HeadsParameters
from chajong.photos.store import PhotoStore
from chajong.pipelines.feature_extraction.params import (
    ConcatenationParameters,
    EncoderMemberParameters,
)
from chajong.predictions.contract import Predictions

Report = dict[str, Any]


def identify_encoder(scratch: Path, parameters: EncoderMemberParameters) -> str:
    """Name the encoder by all that its features depend on, and see that it can be built.

    The node reads no photo, so that a model or weights file that is wrong stops the run before
    long work starts. An encoder that has kept features was built before and is not built again.

    Args:
        scratch: Where features are kept, in a folder an encoder.
        parameters: Which encoder.

    Returns:
        The encoder's key.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
    """
    from chajong.encoders.building import build_encoder, encoder_key

    key = encoder_key(parameters.encoder)
    if not (scratch / key).exists():
        build_encoder(parameters.encoder)
    return key


def extract(
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    encoder: str,
    scratch: Path,
    parameters: EncoderMemberParameters,
) -> tuple[Features, Report]:
    """Encode the readable photos that have no features yet, and gather the features of all.

    Args:
        photos: The `photos` table.
        photo_store: The photos themselves.
        encoder: The encoder's key.
        scratch: Where features are kept.
        parameters: Which encoder.

    Returns:
        Features of every readable photo, and what it cost to make them.
    """
    from chajong.encoders.building import build_encoder
    from chajong.encoders.extraction import (
        extract_features,
        feature_schema,
        missing_contents,
        read_features,
    )
    from chajong.photos.content_cache import ContentCache
    from chajong.predictions.measurement import measure

    readable = photos[photos["status"] == "ok"]
    contents = readable["sha256"].tolist()
    with measure() as measurement:
        cache = ContentCache(scratch / encoder / photo_store.preparation, feature_schema())
        missing = missing_contents(cache, contents)
        if missing:
            model = build_encoder(parameters.encoder)
            extract_features(missing, photo_store, model, cache, parameters.encoder.title)
        matrix, seconds = read_features(cache, contents)
    features = Features(
        photo_ids=tuple(readable["photo_id"]),
        matrix=matrix,
        encoder=encoder,
        content=content_hash(readable["photo_id"].tolist(), contents),
    )
    report = {
        "photos": len(readable),
        "photos_encoded_now": len(missing),
        "seconds": seconds,
        "photos_per_second": len(set(contents)) / seconds,
        "peak_memory_mb": measurement.peak_memory_mb,
    }
    return features, report


def join_features(
    photos: pd.DataFrame, parameters: ConcatenationParameters, **features: Features | None
) -> tuple[Features, Report]:
    """Set the features of several encoders side by side.

    Args:
        photos: The `photos` table.
        parameters: Which encoders.
        features: Each encoder's features, None where it was never run.

    Returns:
        The joined features, and what it cost to make them (nothing: the encoders' own reports
        say what they cost).

    Raises:
        ValueError: An encoder is not known, or none has features of these photos.
    """
    from chajong.encoders.concatenation import join_encoders, present_encoders

    readable = photos[photos["status"] == "ok"]
    content = content_hash(readable["photo_id"].tolist(), readable["sha256"].tolist())
    joined = join_encoders(features, parameters.encoders, content)
    present = list(present_encoders(features, parameters.encoders, content))
    return joined, {"photos": len(readable), "encoders": present, "seconds": 0.0}


def fit_encoder_heads(
    features: Features,
    extraction: Report,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: EncoderMemberParameters,
) -> tuple[Predictions, Checkpoint, pd.DataFrame, Report]:
    """Fit light heads on one encoder's features; see `_fit_heads`."""
    from chajong.encoders.building import encoder_settings

    made_by = {"title": parameters.encoder.title, "encoder": encoder_settings(parameters.encoder)}
    return _fit_heads(features, extraction, photos, classes, folds, parameters.heads, made_by)


def fit_concatenation_heads(
    features: Features,
    extraction: Report,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: ConcatenationParameters,
) -> tuple[Predictions, Checkpoint, pd.DataFrame, Report]:
    """Fit light heads on several encoders' features; see `_fit_heads`."""
    made_by = {"title": "joined features", "members": extraction["encoders"]}
    return _fit_heads(features, extraction, photos, classes, folds, parameters.heads, made_by)


def _fit_heads(
    features: Features,
    extraction: Report,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: HeadsParameters,
    made_by: dict[str, Any],
) -> tuple[Predictions, Checkpoint, pd.DataFrame, Report]:
    """Search the heads of a member, predict with the chosen ones, and score them.

    Args:
        features: Features of every readable photo.
        extraction: What the features cost.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: Which heads are tried.
        made_by: How the features are made; see `heads_checkpoint`.

    Returns:
        The predictions, the fold models' checkpoint, every candidate's figures, and the metrics.
    """
    from chajong.encoders.published import pinned_names
    from chajong.members.cards.carded import with_card
    from chajong.members.heads.checkpoint import heads_checkpoint
    from chajong.members.heads.member import predict_member, search_member_heads
    from chajong.predictions.measurement import measure
    from chajong.predictions.scoring import out_of_fold_metrics

    with measure() as fitting:
        search = search_member_heads(features, photos, classes, folds, parameters)
    with measure() as predicting:
        predictions = predict_member(search, features, photos, classes, folds)
    prediction_seconds = extraction["seconds"] + predicting.seconds
    metrics = {
        **out_of_fold_metrics(predictions, photos, classes),
        "seconds": fitting.seconds + prediction_seconds,
        "training_seconds": fitting.seconds,
        "prediction_seconds": prediction_seconds,
        "photos_per_second": extraction.get("photos_per_second"),
        "peak_memory_mb": max(
            extraction.get("peak_memory_mb", 0.0),
            fitting.peak_memory_mb,
            predicting.peak_memory_mb,
        ),
    }
    checkpoint = heads_checkpoint(
        search, features, predictions.class_names, made_by | pinned_names(parameters)
    )
    carded = with_card(checkpoint, made_by["title"], metrics, photos, classes, folds)
    return predictions, carded, search.candidates, metrics
