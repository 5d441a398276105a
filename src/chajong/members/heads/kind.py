"""What kinds under a light head share: heads fitted on features."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from chajong.members.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts, Speeds
    from chajong.members.kind import Report
    from chajong.members.onnx.graphs import MemberGraph
    from chajong.members.trained.tables import TrainingTables
    from chajong.predictions.contract import Predictions

EXTRACTED = ("features", "extraction")
FITTED = ("predictions", "checkpoint", "head_search", "metrics")


class HeadsKind(Kind[Any]):
    """A kind whose members are features under a light head."""

    approach = "frozen features"
    pipeline = "feature_extraction"

    @abstractmethod
    def made_by(self, parameters: Any) -> Report:
        """Say how the features are made; see `heads_checkpoint`."""

    def predict(
        self,
        member: str,
        features: Features,
        extraction: Report,
        tables: TrainingTables,
        parameters: Any,
    ) -> tuple[Predictions, Checkpoint, pd.DataFrame, Report]:
        """Fit light heads; see `chajong.members.heads.member.fit_heads`.

        Raises:
            ValueError: The features are of other photos.
        """
        from chajong.encoders.features import check_features
        from chajong.members.heads.member import fit_heads

        check_features(member, features, tables.photos)
        made_by = {"title": parameters.title, **self.made_by(parameters)}
        fitted = fit_heads(features, extraction, tables, parameters.heads, made_by)
        checkpoint, metrics = self.described(fitted.checkpoint, fitted.metrics, tables, parameters)
        return fitted.predictions, checkpoint, fitted.candidates, metrics

    def seconds(self, parameters: Any, speeds: Speeds, counts: PhotoCounts, scratch: Path) -> float:
        """See `Kind`; that of the heads alone."""
        from chajong.members.cost import fitting_work

        work = fitting_work(counts.learnt, self.width(parameters, speeds), counts.folds)
        return speeds["fitting"] * work

    def width(self, parameters: Any, speeds: Speeds) -> float:
        """Give the width of a member's features."""
        return speeds["width"]

    def export_onnx(self, checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
        """Export the heads and, where it is one of timm or open_clip, their encoder."""
        from chajong.members.onnx.frozen import export_frozen

        return export_frozen(checkpoint, folder)

    def onnx_graph(self, checkpoint: Checkpoint) -> MemberGraph | None:
        """See `Kind`."""
        from chajong.members.onnx.frozen import frozen_graph

        return frozen_graph(checkpoint)
