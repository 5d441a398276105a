"""Nodes of data_processing: data and parameters in, data out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from chajong.pipelines.data_processing.parameters import DataProcessingParameters

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.photos.folder import PhotoFolder
    from chajong.photos.shift import ShiftReport
    from chajong.photos.store import PhotoStore

logger = logging.getLogger(__name__)


def list_classes(folder: PhotoFolder, parameters: DataProcessingParameters) -> pd.DataFrame:
    """Name the classes of the submission, merge aliases and parse the names.

    Args:
        folder: The raw photos; its classes are in the order of the submission.
        parameters: Which names are the same car.

    Returns:
        The `classes` table.
    """
    from chajong.names.aliases import merge_aliases
    from chajong.names.table import class_table

    return class_table(merge_aliases(folder.class_names, parameters.aliases))


def list_photos(folder: PhotoFolder) -> pd.DataFrame:
    """List the photos before any is opened, and say how the folder was understood.

    Kedro runs what waits for nothing first, so every check that reads no photo, such as whether an
    encoder can be built, comes before `read_photos`, which waits for the listing.

    Args:
        folder: The raw photos.

    Returns:
        One row a photo, whether its file exists or not.
    """
    logger.info("%s: %s", folder.root, folder.layout)
    for left_out in folder.left_out:
        logger.warning("Left out: %s", left_out)
    for warning in folder.warnings:
        logger.warning("%s", warning)
    return folder.listing


def honour_review(
    folder: PhotoFolder, listing: pd.DataFrame, review: pd.DataFrame | None
) -> pd.DataFrame:
    """Check a person's verdicts on labels, and write them into the listing.

    It waits for no photo, so that a wrong review stops the run at once.

    Args:
        folder: The raw photos, with the names of the classes.
        listing: From `list_photos`.
        review: As it was written, or None where there is no review.

    Returns:
        The listing with the new labels of relabelled photos and a column `verdict`, "" where a
        photo was not reviewed.
    """
    import pandas as pd

    from chajong.photos.review import REVIEW_COLUMNS, apply_review, read_review

    table = pd.DataFrame(columns=list(REVIEW_COLUMNS)) if review is None else review
    checked = read_review(table, listing, folder.class_names, file="photo_review.csv")
    return apply_review(listing, checked)


def read_photos(
    folder: PhotoFolder, listing: pd.DataFrame, scratch: Path, parameters: DataProcessingParameters
) -> tuple[pd.DataFrame, PhotoStore]:
    """Hash, measure and re-encode every photo; unreadable ones keep their row.

    Args:
        folder: The raw photos.
        listing: From `honour_review`.
        scratch: Keeps prepared photos, so that an interrupted run resumes.
        parameters: How photos are kept.

    Returns:
        The `photos` table and the photo store.
    """
    from chajong.photos.preparation import open_photo_cache, prepare_photos
    from chajong.photos.store import PhotoStore

    cache = open_photo_cache(scratch, parameters.store)
    photos, jpegs = prepare_photos(folder.read, listing, parameters.store, cache)
    return photos, PhotoStore(jpegs)


def report_shift(photos: pd.DataFrame, parameters: DataProcessingParameters) -> dict[str, Any]:
    """Measure how much the test photos differ from the train photos.

    Args:
        photos: The `photos` table.
        parameters: The seed, and whether test photos may be looked at.

    Returns:
        Statistics of both splits and the AUC of a classifier that tells them apart; empty where
        there are too few test photos to say, or they may not be looked at.
    """
    from chajong.photos.shift import measure_shift

    return dict(measure_shift(_seen(photos, parameters), parameters.seed) or {})


def _seen(photos: pd.DataFrame, parameters: DataProcessingParameters) -> pd.DataFrame:
    """Give the photos that may be looked at before test photos are answered."""
    return photos if parameters.test_photos else photos[photos["split"] == "train"]


def chart_shift(photos: pd.DataFrame, parameters: DataProcessingParameters) -> Any:
    """Draw the distributions that `report_shift` compares.

    Args:
        photos: The `photos` table.
        parameters: Whether test photos may be looked at.

    Returns:
        A Plotly figure.
    """
    from chajong.photos.shift import plot_shift

    return plot_shift(_seen(photos, parameters))


def audit(
    folder: PhotoFolder,
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    photo_groups: pd.DataFrame,
    folds: pd.DataFrame,
) -> pd.DataFrame:
    """Gather what is wrong or strange about the photos, and what was done about it.

    Args:
        folder: The raw photos, with the labels they came with and the warnings of the scan.
        photos: The `photos` table.
        classes: The `classes` table.
        photo_groups: From `group_photos`.
        folds: The `folds` table.

    Returns:
        One row a finding, the most serious first.
    """
    from chajong.photos.audit import audit_photos

    return audit_photos(photos, photo_groups, classes, folds, folder)


def draw_audit_page(
    findings: pd.DataFrame,
    photos: pd.DataFrame,
    photo_store: PhotoStore,
    shift: dict[str, Any],
    parameters: DataProcessingParameters,
) -> str:
    """Draw the audit as one HTML page with thumbnails.

    Args:
        findings: From `audit`.
        photos: The `photos` table.
        photo_store: The photos themselves.
        shift: From `report_shift`.
        parameters: The reader's language.

    Returns:
        A page that needs no other file.
    """
    from chajong.reports.audit_page import audit_page

    compared = cast("ShiftReport | None", shift or None)
    return audit_page(findings, photos, photo_store, compared, parameters.language)
