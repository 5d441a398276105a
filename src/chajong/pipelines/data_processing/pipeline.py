"""The graph of data_processing."""

from collections.abc import Mapping
from typing import Any

from kedro.pipeline import Node, Pipeline
from pydantic import ValidationError

from chajong.configuration import configured_members, configured_parameters
from chajong.graph import boxed, knowing, node
from chajong.members.configuration import Member, encoder_of_folds
from chajong.pipelines.data_processing.folds import (
    assign_folds,
    check_encoder,
    extract_features,
    features_of_test_photos,
    features_of_typical_photos,
    group_photos,
    report_folds,
)
from chajong.pipelines.data_processing.nodes import (
    audit,
    chart_shift,
    draw_audit_page,
    honour_review,
    list_classes,
    list_photos,
    read_photos,
    report_shift,
)
from chajong.pipelines.data_processing.parameters import DataProcessingParameters

PARAMETERS = "params:data_processing"
HISTOGRAMS = "histograms"
SHARED = (
    "photos", "classes", "folds", "photo_store", "photo_groups", "shift", "folds_report",
)  # fmt: skip
FOR_FOLDS = ["photos", "photo_listing", "classes", "photo_groups"]


def create_pipeline() -> Pipeline:
    """Connect raw photos to the tables that every approach reads."""
    parameters = configured_parameters()
    folds = _folds(_read(parameters), encoder_of_folds(configured_members(), parameters))
    return boxed(
        [
            node(
                list_classes, inputs=["photo_folder", "params:data_processing"], outputs="classes"
            ),
            node(list_photos, inputs="photo_folder", outputs="photo_listing"),
            node(
                honour_review,
                inputs=["photo_folder", "photo_listing", "photo_review"],
                outputs="reviewed_listing",
            ),
            node(
                read_photos,
                inputs=[
                    "photo_folder",
                    "reviewed_listing",
                    "photo_store.scratch",
                    "params:data_processing",
                ],
                outputs=["photos", "photo_store"],
            ),
            node(
                group_photos,
                inputs=["photos", "classes", "photo_store", "params:data_processing"],
                outputs="photo_groups",
            ),
            *folds,
            node(report_shift, inputs=["photos", "params:data_processing"], outputs="shift"),
            node(chart_shift, inputs=["photos", PARAMETERS], outputs="shift_chart"),
            node(
                audit,
                inputs=["photo_folder", "photos", "classes", "photo_groups", "folds"],
                outputs="audit",
            ),
            node(
                draw_audit_page,
                inputs=["audit", "photos", "photo_store", "shift", PARAMETERS],
                outputs="audit_page",
            ),
        ],
        "data_processing",
        shared=SHARED,
    )


def _read(parameters: Mapping[str, Any]) -> DataProcessingParameters:
    try:
        return DataProcessingParameters(**parameters.get("data_processing", {}))
    except ValidationError:
        # Kedro refuses these parameters, in words of its own, before any node runs.
        return DataProcessingParameters()


def _folds(parameters: DataProcessingParameters, encoder: Member | None) -> list[Node]:
    """Connect photos to folds, and features to them where there are photos to be as hard as.

    Features know no folds.
    """
    compared = []
    if parameters.test_photos or parameters.typical_photos:
        compared = ["features", "new_features"]
    return [
        *(_features(parameters, encoder) if compared else []),
        node(
            assign_folds,
            inputs=[*FOR_FOLDS, PARAMETERS, *compared],
            outputs=["folds", "fold_candidates"],
        ),
        node(
            knowing(report_folds, (encoder.name if encoder else HISTOGRAMS,)),
            inputs=[*FOR_FOLDS, "folds", "fold_candidates", PARAMETERS, *compared],
            outputs=["folds_report", "folds_chart"],
        ),
    ]


def _features(parameters: DataProcessingParameters, encoder: Member | None) -> list[Node]:
    """Connect photos to their features, and to those of new photos."""
    scratch = f"{encoder.name if encoder else HISTOGRAMS}.scratch"
    frozen = [f"params:{encoder.name}"] if encoder else []
    typical = parameters.typical_photos is not None
    return [
        node(check_encoder, inputs=[scratch, *frozen], outputs="encoder"),
        node(
            extract_features,
            inputs=["photos", "photo_store", "encoder", scratch, "params:engine", *frozen],
            outputs=["features", "extraction"],
        ),
        node(
            features_of_typical_photos if typical else features_of_test_photos,
            inputs=["typical_photos", PARAMETERS, *frozen] if typical else ["photos", "features"],
            outputs="new_features",
            name="features_of_new_photos",
        ),
    ]
