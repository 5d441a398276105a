"""The graph of inference."""

from kedro.pipeline import Pipeline

from chajong.graph import node
from chajong.pipelines.inference.nodes import answer_new_photos, lay_out_answers, summarise_answers


def create_pipeline() -> Pipeline:
    """Connect new photos and the saved ensemble to tables of names."""
    return Pipeline(
        [
            node(
                answer_new_photos,
                inputs=[
                    "new_photos",
                    "ensemble.saved",
                    "class_prior",
                    "params:inference",
                    "params:engine",
                ],
                outputs="new_photos.answers",
            ),
            node(
                lay_out_answers,
                inputs=["new_photos.answers", "params:inference"],
                outputs=["new_photos.top_k", "new_photos.probabilities"],
            ),
            node(
                summarise_answers,
                inputs=["new_photos.answers", "params:inference"],
                outputs="new_photos.summary",
            ),
        ]
    )
