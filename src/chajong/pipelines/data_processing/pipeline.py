"""The graph of data_processing."""

from kedro.pipeline import Node, Pipeline

from chajong.graph import boxed
from chajong.pipelines.data_processing.nodes import (
    assign_folds,
    audit,
    chart_shift,
    draw_audit_page,
    group_photos,
    honour_review,
    list_classes,
    list_photos,
    read_photos,
    report_shift,
)


def create_pipeline() -> Pipeline:
    """Connect raw photos to the tables that every approach reads."""
    return boxed(
        [
            Node(
                list_classes,
                inputs=["photo_folder", "params:data_processing"],
                outputs="classes",
                name="list_classes",
            ),
            Node(list_photos, inputs="photo_folder", outputs="photo_listing", name="list_photos"),
            Node(
                honour_review,
                inputs=["photo_folder", "photo_listing", "photo_review"],
                outputs="reviewed_listing",
                name="honour_review",
            ),
            Node(
                read_photos,
                inputs=[
                    "photo_folder",
                    "reviewed_listing",
                    "photo_store.scratch",
                    "params:data_processing",
                ],
                outputs=["photos", "photo_store"],
                name="read_photos",
            ),
            Node(
                group_photos,
                inputs=["photos", "classes", "photo_store", "params:data_processing"],
                outputs="photo_groups",
                name="group_photos",
            ),
            Node(
                assign_folds,
                inputs=[
                    "photos",
                    "photo_listing",
                    "classes",
                    "photo_groups",
                    "params:data_processing",
                ],
                outputs="folds",
                name="assign_folds",
            ),
            Node(
                report_shift,
                inputs=["photos", "params:data_processing"],
                outputs="shift",
                name="report_shift",
            ),
            Node(chart_shift, inputs="photos", outputs="shift_chart", name="chart_shift"),
            Node(
                audit,
                inputs=["photo_folder", "photos", "classes", "photo_groups", "folds"],
                outputs="audit",
                name="audit",
            ),
            Node(
                draw_audit_page,
                inputs=["audit", "photos", "photo_store", "shift"],
                outputs="audit_page",
                name="draw_audit_page",
            ),
        ],
        "data_processing",
        shared={"photos", "classes", "folds", "photo_store", "photo_groups", "shift"},
    )
