"""Frozen encoders under a light head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from chajong.encoders.parameters import EncoderParameters, HogParameters
from chajong.engine import HERE, Engine
from chajong.members.heads.kind import EXTRACTED, FITTED, HeadsKind
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.kind import Step
from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedHeads, SavedMember

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from chajong.encoders.features import Features
    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts, Sample, Speeds
    from chajong.members.heads.scorer import HeadsScorer
    from chajong.members.kind import Report
    from chajong.photos.store import PhotoStore


class FrozenParameters(MemberParameters):
    """One frozen encoder under a light head.

    Attributes:
        required: Whether a run stops where published weights can be neither fetched nor found in
            the cache; else the member is left out, and the run says so.
        encoder: Which encoder, of which library, with which weights.
        heads: Which heads are tried; the best of each kind are pooled.
    """

    kind: Literal["frozen"]
    required: bool = True
    encoder: EncoderParameters = HogParameters()
    heads: HeadsParameters = HeadsParameters()

    @property
    def title(self) -> str:
        """See `MemberParameters`."""
        return self.encoder.title


class FrozenKind(HeadsKind):
    """See the module."""

    name = "frozen"
    parameters: ClassVar[type[MemberParameters]] = FrozenParameters
    configuration: ClassVar[type[SavedMember]] = SavedHeads

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
        engine: Engine = HERE,
    ) -> tuple[Features, Report]:
        """Encode the readable photos; see `chajong.encoders.extraction.features_of_photos`."""
        from chajong.encoders.extraction import features_of_photos

        return features_of_photos(photos, photo_store, encoder, scratch, parameters.encoder, engine)

    def speeds(self, parameters: FrozenParameters, sample: Sample) -> Speeds:
        """See `Kind`."""
        from chajong.encoders.building import build_encoder
        from chajong.encoders.extraction import encode_all
        from chajong.members.cost import looking_speeds, seconds_of_fitting

        encoder, store = build_encoder(parameters.encoder), sample.tables.store
        width = encode_all(list(store.keys())[:1], store, encoder).shape[1]
        classes = len(sample.tables.class_names)
        views, zooms = _views(parameters)
        return {
            **looking_speeds(encoder, store, views),
            "fitting": seconds_of_fitting(width, classes, parameters.heads),
            "width": width / zooms,
        }

    def seconds(
        self, parameters: FrozenParameters, speeds: Speeds, counts: PhotoCounts, scratch: Path
    ) -> float:
        """See `Kind`; features that are kept are made already."""
        from chajong.encoders.building import encoder_key
        from chajong.encoders.extraction import features_kept

        new = max(0, counts.all - features_kept(scratch / encoder_key(parameters.encoder)))
        looking = speeds["looking"] * _views(parameters)[0] * new
        starting = speeds["starting"] if new else 0.0
        return starting + looking + super().seconds(parameters, speeds, counts, scratch)

    def width(self, parameters: FrozenParameters, speeds: Speeds) -> float:
        """See `HeadsKind`; zooms are joined."""
        return speeds["width"] * _views(parameters)[1]

    def sizes(self, parameters: FrozenParameters) -> list[Report]:
        """See `Kind`."""
        from chajong.members.cost import smaller_views

        if isinstance(parameters.encoder, HogParameters):
            return [{}]
        return smaller_views("encoder", parameters.encoder)

    def made_by(self, parameters: FrozenParameters) -> Report:
        """See `HeadsKind`."""
        from chajong.encoders.building import encoder_settings

        return {"encoder": encoder_settings(parameters.encoder)}

    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> HeadsScorer:
        """See `Kind`."""
        from chajong.members.heads.scorer import EncoderFeatures, HeadsScorer

        return HeadsScorer(member, checkpoint, EncoderFeatures(checkpoint))


def _views(parameters: FrozenParameters) -> tuple[int, int]:
    """Count the views of a photo, and the zooms among them."""
    from chajong.members.cost import view_count

    encoder = parameters.encoder
    if isinstance(encoder, HogParameters):
        return 1, 1
    return view_count(encoder), len(encoder.zoom)
