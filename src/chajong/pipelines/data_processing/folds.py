"""Nodes of data_processing that make folds: what belongs together, and how hard they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.engine import Engine
from chajong.members.kinds.frozen import FrozenKind, FrozenParameters
from chajong.photos.table import readable_photos
from chajong.pipelines.data_processing.parameters import DataProcessingParameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.photos.sources import PhotoSource
    from chajong.photos.store import PhotoStore

HISTOGRAMS = FrozenParameters(kind="frozen")
"""What says how alike photos are where there is no frozen member."""


def group_photos(
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    photo_store: PhotoStore,
    parameters: DataProcessingParameters,
) -> pd.DataFrame:
    """Find near-duplicates, join them with given groups, and find conflicting labels.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.
        photo_store: The photos themselves.
        parameters: How near a near-duplicate is.

    Returns:
        One row a readable train photo: `photo_id`, `near_duplicates` (group of photos that look
        the same), `group` (near-duplicates and photos of one vehicle joined) and `conflict`
        (byte-identical to a photo of another class; a label that a person dropped contradicts
        none).

    Raises:
        RawDataError: Fewer than two classes have readable photos.
    """
    import pandas as pd

    from chajong.names.table import effective_labels
    from chajong.photos.near_duplicates import find_conflicts, near_duplicates_of
    from chajong.photos.raw_tables import RawDataError, examples
    from chajong.training.folds import join_groups

    train = readable_photos(photos, "train")
    labelled = train.assign(effective_id=effective_labels(train["class_name"], classes))
    if labelled["effective_id"].nunique() < 2:
        message = (
            "Fewer than two classes have train photos that can be read, and telling cars apart "
            f"takes two: {examples(set(train['class_name']))} of {len(classes):,} names. The log "
            "says what was left out; photos.parquet says what cannot be read, and why."
        )
        raise RawDataError(message)
    conflicts = find_conflicts(labelled[labelled["verdict"] != "drop"])
    near_duplicates = near_duplicates_of(train, photo_store, parameters.near_duplicate_radius)
    return pd.DataFrame(
        {
            "photo_id": train["photo_id"],
            "near_duplicates": near_duplicates,
            "group": join_groups(near_duplicates, train["group"].tolist()),
            "conflict": train["photo_id"].isin(conflicts["photo_id"]),
        }
    )


def check_encoder(scratch: Path, frozen: FrozenParameters = HISTOGRAMS) -> str:
    """Name the encoder that says how alike photos are, and see that it can be built.

    The node waits for no photo, as the member's own.

    Args:
        scratch: Where the member keeps features.
        frozen: The member.

    Returns:
        The encoder's key.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
    """
    return FrozenKind().check(scratch, frozen)


def extract_features(
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    encoder: str,
    scratch: Path,
    engine: Engine,
    frozen: FrozenParameters = HISTOGRAMS,
) -> tuple[Features, dict[str, Any]]:
    """Encode the readable photos, or read the features that the member keeps.

    They are extracted here, and not read from the member, because members' nodes come after folds.

    Args:
        photos: The `photos` table.
        photo_store: The photos themselves.
        encoder: From `check_encoder`.
        scratch: Where the member keeps features; what is extracted here is not extracted again.
        engine: Where they are extracted.
        frozen: The member.

    Returns:
        The features, and what it cost to make them.
    """
    return FrozenKind().extract(photos, photo_store, encoder, scratch, frozen, engine)


def features_of_test_photos(photos: pd.DataFrame, features: Features) -> np.ndarray:
    """Give the features of the readable test photos, float32 [photos, width]."""
    return features.rows(readable_photos(photos, "test")["photo_id"])


def features_of_typical_photos(
    typical: list[PhotoSource],
    parameters: DataProcessingParameters,
    frozen: FrozenParameters = HISTOGRAMS,
) -> np.ndarray:
    """Encode photos as they will come.

    Args:
        typical: The photos.
        parameters: How photos are kept.
        frozen: The member that the train photos' features are of.

    Returns:
        float32 [photos, width], without the photos that cannot be read.
    """
    from chajong.encoders.building import build_encoder
    from chajong.encoders.extraction import encode_all
    from chajong.inference.new_photos import prepare_new_photos

    prepared = prepare_new_photos(typical, parameters.store)
    return encode_all(
        prepared.contents, prepared.store, build_encoder(frozen.encoder), "Typical photos"
    )


def assign_folds(
    photos: pd.DataFrame,
    listing: pd.DataFrame,
    classes: pd.DataFrame,
    photo_groups: pd.DataFrame,
    parameters: DataProcessingParameters,
    features: Features | None = None,
    new: np.ndarray | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the readable train photos into a calibration slice and folds as hard as new photos.

    Folds are dealt out by the labels as they came, so that a review moves no photo and figures
    from before and after it can be compared.

    Args:
        photos: The `photos` table.
        listing: From `list_photos`.
        classes: The `classes` table.
        photo_groups: From `group_photos`; what belongs together there stays together.
        parameters: How many folds, how large a slice, how photos are joined.
        features: Of the encoder that says how alike photos are; without them, none is joined.
        new: The same of new photos.

    Returns:
        The `folds` table: no group is in two folds. A person's verdict decides whether a label
        counts; without one, labels in conflict do not. And one row a way to join photos of a class,
        with how well distances match; none where there are too few new photos to say.
    """
    import pandas as pd

    from chajong.photos.review import trusted_labels
    from chajong.photos.shift import FEWEST_PHOTOS
    from chajong.training.matched_folds import CANDIDATE_COLUMNS, match_groups

    labels = _labels_as_they_came(photos, listing, classes)
    groups, encoder = photo_groups["group"].to_numpy(), ""
    candidates = pd.DataFrame(columns=list(CANDIDATE_COLUMNS))
    if features is not None and new is not None and len(new) >= FEWEST_PHOTOS:
        # By name, so that the order of the photos decides nothing.
        order = np.argsort(photo_groups["photo_id"].to_numpy())
        matching = match_groups(
            features.rows(photo_groups["photo_id"].iloc[order]),
            new,
            labels[order].tolist(),
            groups[order],
            thresholds=parameters.matched_folds.thresholds,
            fold_count=parameters.folds,
            seed=parameters.seed,
        )
        candidates = matching.table()
        if matching.chosen is not matching.plain:
            groups, encoder = matching.chosen.groups[np.argsort(order)], features.encoder
    folds = _folds(photos, labels, groups, parameters, encoder)
    verdicts = readable_photos(photos, "train")["verdict"]
    trusted = parameters.train_on_conflicts | ~photo_groups["conflict"].to_numpy(bool)
    return folds.assign(label_counts=trusted_labels(verdicts, trusted)), candidates


def _labels_as_they_came(
    photos: pd.DataFrame, listing: pd.DataFrame, classes: pd.DataFrame
) -> np.ndarray:
    """Number the effective class of each readable train photo, before any review."""
    from chajong.names.table import effective_labels

    train = readable_photos(photos, "train")
    came_as = listing.set_index("photo_id").loc[train["photo_id"], "class_name"]
    return effective_labels(came_as, classes)


def _folds(
    photos: pd.DataFrame,
    labels: np.ndarray,
    groups: np.ndarray,
    parameters: DataProcessingParameters,
    encoder: str = "",
) -> pd.DataFrame:
    """Make folds of groups by the labels as they came; those in conflict do not count."""
    from chajong.photos.near_duplicates import find_conflicts
    from chajong.training.folds import make_folds

    train = readable_photos(photos, "train")
    conflicts = find_conflicts(train.assign(effective_id=labels))["photo_id"]
    return make_folds(
        photo_ids=train["photo_id"].tolist(),
        labels=labels.tolist(),
        groups=groups,
        label_counts=parameters.train_on_conflicts
        | ~train["photo_id"].isin(conflicts).to_numpy(bool),
        fold_count=parameters.folds,
        calibration_fraction=parameters.calibration_fraction,
        seed=parameters.seed,
        encoder=encoder,
    )


def report_folds(
    photos: pd.DataFrame,
    listing: pd.DataFrame,
    classes: pd.DataFrame,
    photo_groups: pd.DataFrame,
    folds: pd.DataFrame,
    candidates: pd.DataFrame,
    parameters: DataProcessingParameters,
    features: Features | None = None,
    new: np.ndarray | None = None,
    names: Sequence[str] = (),
) -> tuple[dict[str, Any], Any]:
    """Measure whether the loss out of fold says what to expect on new photos.

    Args:
        photos: The `photos` table.
        listing: From `list_photos`.
        classes: The `classes` table.
        photo_groups: From `group_photos`.
        folds: The `folds` table.
        candidates: From `assign_folds`.
        parameters: How plain folds are made.
        features: What the photos were compared by.
        new: The same of new photos.
        names: What the encoder is called.

    Returns:
        The figures, with a `text`; and a Plotly figure of the distances. Where there is nothing to
        compare with, the text says so and nothing is drawn.
    """
    from chajong.photos.shift import FEWEST_PHOTOS
    from chajong.reports.matched_folds import compare_folds, nothing_compared

    called = "typical" if parameters.typical_photos else "test"
    if features is None or new is None:
        return nothing_compared(
            "data_processing.test_photos is off, and typical_photos names none", parameters.language
        )
    if candidates.empty:
        return nothing_compared(
            f"fewer than {FEWEST_PHOTOS} {called} photos can be read", parameters.language
        )
    labels = _labels_as_they_came(photos, listing, classes)
    plain = _folds(photos, labels, photo_groups["group"].to_numpy(), parameters)
    rows = features.rows(folds["photo_id"])
    return compare_folds(
        (plain, folds),
        candidates,
        rows,
        new,
        labels,
        encoder=names[0],
        called=called,
        seed=parameters.seed,
        language=parameters.language,
    )
