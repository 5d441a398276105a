"""Frozen encoders under a light head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from chajong.encoders.parameters import EncoderParameters, HogParameters
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.kind import Kind, Step
from chajong.members.parameters import MemberParameters

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.heads.scorer import HeadsScorer
    from chajong.members.kind import Report
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions

EXTRACTED = ("features", "extraction")
FITTED = ("predictions", "checkpoint", "head_search", "metrics")


class FrozenParameters(MemberParameters):
    """One frozen encoder under a light head.

    Attributes:
        required: Whether a run stops where published weights can be neither fetched nor found in
            the cache; else the member is left out, and the run says so.
        encoder: Which encoder, of which library, with which weights.
        heads: Which heads are tried; the one with the lowest inner log loss is the member.
    """

    kind: Literal["frozen"]
    required: bool = True
    encoder: EncoderParameters = HogParameters()
    heads: HeadsParameters = HeadsParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return self.encoder.title


class FrozenKind(Kind[FrozenParameters]):
    """See the module."""

    name = "frozen"
    approach = "frozen features"
    pipeline = "feature_extraction"
    parameters: ClassVar[type[MemberParameters]] = FrozenParameters

    def steps(self, parameters: FrozenParameters) -> tuple[Step, ...]:
        """See `Kind`."""
        return (
            Step("check_encoder", self.check, ("encoder",)),
            Step("extract_features", self.extract, EXTRACTED),
            Step("fit_heads", self.predict, FITTED),
        )

    def unavailable(self, parameters: FrozenParameters) -> str | None:
        """See `Kind`."""
        from chajong.encoders.encoder import EncoderError
        from chajong.encoders.published import find_weights

        if parameters.required or isinstance(parameters.encoder, HogParameters):
            return None
        try:
            find_weights(parameters.encoder)
        except EncoderError as error:
            return str(error)
        return None

    def check(self, scratch: Path, parameters: FrozenParameters) -> str:
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
        self,
        photos: pd.DataFrame,
        photo_store: PhotoStore,
        encoder: str,
        scratch: Path,
        parameters: FrozenParameters,
    ) -> tuple[Features, Report]:
        """Encode the readable photos; see `chajong.encoders.extraction.features_of_photos`."""
        from chajong.encoders.extraction import features_of_photos

        return features_of_photos(photos, photo_store, encoder, scratch, parameters.encoder)

    def predict(
        self,
        features: Features,
        extraction: Report,
        tables: TrainingTables,
        parameters: FrozenParameters,
    ) -> tuple[Predictions, Checkpoint, pd.DataFrame, Report]:
        """Fit light heads; see `chajong.members.heads.member.fit_heads`."""
        from chajong.encoders.building import encoder_settings
        from chajong.members.heads.member import fit_heads

        made_by = {"title": parameters.title, "encoder": encoder_settings(parameters.encoder)}
        fitted = fit_heads(features, extraction, tables, parameters.heads, made_by)
        checkpoint, metrics = self.described(fitted.checkpoint, fitted.metrics, tables, parameters)
        return fitted.predictions, checkpoint, fitted.candidates, metrics

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> HeadsScorer:
        """See `Kind`."""
        from chajong.members.heads.scorer import EncoderFeatures, HeadsScorer

        return HeadsScorer(member, checkpoint, EncoderFeatures(checkpoint))

    def export_onnx(self, checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
        """Export the heads and, where its library is timm or open_clip, the encoder."""
        from chajong.members.onnx.frozen import export_frozen

        return export_frozen(checkpoint, folder)
