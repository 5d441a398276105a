"""Nodes of search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.pipelines.search.parameters import SearchParameters

if TYPE_CHECKING:
    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore
    from chajong.search.indexed_features import IndexedFeatures
    from chajong.search.photo_index import PhotoIndex

Report = dict[str, Any]


def choose_features(
    features: dict[str, Features],
    checkpoints: dict[str, Checkpoint],
    photos: pd.DataFrame,
    parameters: SearchParameters,
) -> IndexedFeatures:
    """Choose whose features are indexed.

    Args:
        features: By member.
        checkpoints: By member.
        photos: The `photos` table.
        parameters: Which member, if one is named.

    Returns:
        The features, with how a query is encoded alike.

    Raises:
        SearchError: The member named, or every member, has no features of these photos.
    """
    from chajong.search.indexed_features import indexed_features

    return indexed_features(features, checkpoints, photos, parameters.encoder)


def index_photos(
    chosen: IndexedFeatures,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: SearchParameters,
) -> PhotoIndex:
    """Build the index of all readable train photos.

    Args:
        chosen: From `choose_features`.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        photo_store: The photos themselves.
        parameters: How the index is built.
    """
    from chajong.search.photo_index import build_photo_index

    return build_photo_index(
        chosen.features,
        (photos, classes, folds),
        photo_store,
        chosen.encoder,
        parameters.index,
        parameters.thumbnail_side,
    )


def measure_retrieval(
    chosen: IndexedFeatures, photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame
) -> Report:
    """Search for every train photo among the others, without its near-duplicates.

    Args:
        chosen: From `choose_features`.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        `encoder`, `recall_at_1`, `recall_at_5`, `recall_at_10`, `mean_average_precision`,
        `photos` and `unanswerable`.
    """
    from chajong.search.measurement import measure_features

    return measure_features(chosen, photos, classes, folds)


def list_similar_models(
    chosen: IndexedFeatures,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: SearchParameters,
) -> pd.DataFrame:
    """List the models whose photos look most like each photo, for teammates' prompts.

    Args:
        chosen: From `choose_features`.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
        parameters: How many models.

    Returns:
        `photo_id`, `split`, `rank`, `class_name` and `similarity`; a train photo's own
        near-duplicates do not count.
    """
    from chajong.search.measurement import similar_models

    return similar_models(chosen.features, photos, classes, folds, parameters.similar_models)


def summarise_search(report: Report, index: PhotoIndex, parameters: SearchParameters) -> str:
    """Say what was indexed, how well it finds, and where it is.

    The index comes from the disk, so this also shows that it can be read back.

    Args:
        report: From `measure_retrieval`.
        index: The index as read back.
        parameters: Where the results are, and the reader's language.
    """
    from chajong.ensembling.summary import laid_out
    from chajong.ensembling.texts import text

    results, language = Path(parameters.results_dir), parameters.language
    lines = [
        ("index", text("indexed", language, count=len(index.photos), encoder=report["encoder"])),
        ("recall", text("recalled", language, **report)),
        ("results", str(results / "06_models" / "search_index")),
        ("results", str(results / "07_model_output" / "similar_models.csv")),
    ]
    return laid_out(lines, language)
