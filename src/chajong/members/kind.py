"""What a kind of member is: the one contract that pipelines, inference and reports know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from chajong.members.parameters import MemberParameters
from chajong.members.saved_configuration import SavedMember

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.cost import PhotoCounts, Sample, Speeds
    from chajong.members.onnx.graphs import MemberGraph
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.store import PhotoStore

    ByFold = dict[int, np.ndarray]
    """Log-probabilities float32 [photos, classes] of each fold's model."""

    Report = dict[str, Any]
    """JSON values."""

Parameters = TypeVar("Parameters", bound=MemberParameters)


@dataclass(frozen=True)
class Reference:
    """Another member that a member builds on.

    Attributes:
        member: Its name.
        dataset: Which of its datasets is read: `features`, `checkpoint` or `predictions`.
        setting: The setting that names it, for messages.
        kinds: Of which kinds it can be.
        asked: Whether it has to be asked, too, when the member answers about new photos.
    """

    member: str
    dataset: str
    setting: str
    kinds: tuple[str, ...]
    asked: bool = True


@dataclass(frozen=True)
class Step:
    """One node of a member.

    Its arguments are taken by their names: `parameters`; `engine`; the tables `photos`,
    `photo_store`, `classes` and `folds`, or all of them as `tables`; `scratch`; what earlier steps
    gave; and what `Kind.references` names.

    Attributes:
        name: What it does.
        function: Does it.
        outputs: The names of what it gives; `<member>.<name>` in the catalog.
    """

    name: str
    function: Callable[..., Any]
    outputs: tuple[str, ...]


class NewPhotos(Protocol):
    """New photos, and what other members say about them."""

    contents: tuple[str, ...]
    store: PhotoStore

    def features(self, member: str) -> np.ndarray:
        """Give a member's features, float32 [photos, width]."""

    def by_fold(self, member: str) -> ByFold:
        """Give what each of a member's fold models says."""


class HeatMapper(Protocol):
    """Says where in photos a member finds classes."""

    def __call__(
        self,
        checkpoint: Checkpoint,
        classes: pd.DataFrame,
        store: PhotoStore,
        contents: Sequence[str],
        folds: Sequence[int],
        asked: np.ndarray,
    ) -> list[np.ndarray]:
        """Give a map, float32 [rows, columns] from 0, of each class that is asked for of a photo.

        Args:
            checkpoint: The member's.
            classes: The `classes` table.
            store: The photos.
            contents: sha-256 of each photo.
            folds: By which fold's model each photo is looked at.
            asked: int64 [photos, n], effective classes.

        Returns:
            float32 [n, rows, columns] for each photo.
        """


class Scorer(Protocol):
    """Scores new photos as each of a member's fold models does."""

    def __call__(self, photos: NewPhotos) -> ByFold:
        """Give log-probabilities float32 [photos, classes] by fold."""


class FeatureScorer(Scorer, Protocol):
    """A scorer of a kind that leaves features."""

    def features(self, photos: NewPhotos) -> np.ndarray:
        """Give features as those of the training photos were made, float32 [photos, width]."""


class Kind(ABC, Generic[Parameters]):
    """A kind of member; any number of members can be of one kind.

    Attributes:
        name: What a configuration calls it.
        approach: What reports call it.
        pipeline: The pipeline that its members belong to.
        parameters: What a person can choose about a member of the kind.
        configuration: What a checkpoint of the kind says.
    """

    name: ClassVar[str]
    approach: ClassVar[str]
    pipeline: ClassVar[str]
    parameters: ClassVar[type[MemberParameters]]
    configuration: ClassVar[type[SavedMember]]

    @abstractmethod
    def steps(self, parameters: Parameters) -> tuple[Step, ...]:
        """List the nodes of a member: the first checks, the last but reports predicts.

        Among their outputs are `predictions`, `checkpoint` and `metrics`.
        """

    def references(self, parameters: Parameters) -> dict[str, Reference]:
        """Name the members that a member builds on, by the argument that takes each.

        Those that no step takes by its name are taken together by ``**``.
        """
        return {}

    def asked(self, parameters: Parameters) -> list[str]:
        """Name who has to be asked, too, when a member answers about new photos."""
        return [other.member for other in self.references(parameters).values() if other.asked]

    def completed(self, block: Report, blocks: Mapping[str, Any]) -> Report:
        """Fill in what a block of configuration takes over from other members' blocks.

        Args:
            block: The member's, which may be wrong in any way: it is checked later.
            blocks: Every member's.
        """
        return block

    def unavailable(self, parameters: Parameters) -> str | None:
        """Say why a run has to do without a member that is not required, None where it need not."""
        return None

    def heat_mapper(self) -> HeatMapper | None:
        """Give what says where in a photo a member finds a class; None where its kind cannot."""
        return None

    @abstractmethod
    def speeds(self, parameters: Parameters, sample: Sample) -> Speeds:
        """Measure on a few photos what `seconds` is reckoned from.

        Raises:
            EncoderError: The model cannot be built.
            TrainingError: It cannot be trained here.
        """

    @abstractmethod
    def seconds(
        self, parameters: Parameters, speeds: Speeds, counts: PhotoCounts, scratch: Path
    ) -> float:
        """Estimate how long a member takes, all its steps together.

        Args:
            parameters: Of one of its `sizes`.
            speeds: From `speeds`, whichever of the sizes was tried.
            counts: How many photos there are.
            scratch: Where the member keeps what it has finished of its work.
        """

    def sizes(self, parameters: Parameters) -> list[Report]:
        """List what can be changed in a member's block to save time, from nothing to the most."""
        return [{}]

    @abstractmethod
    def scorer(self, member: str, checkpoint: Checkpoint, classes: pd.DataFrame) -> Scorer:
        """Build a member's fold models, as new photos are scored by them.

        Raises:
            CheckpointError: A model does not reproduce the scores that were saved with it.
        """

    def export_onnx(self, checkpoint: Checkpoint, folder: Path) -> pd.DataFrame | None:
        """Export what can be into a folder; None where nothing can.

        Returns:
            One row a file: `file`, `largest_difference` to torch, `bytes` and `seconds`.

        Raises:
            OnnxExportError: ONNX is not installed, or a file does not agree with torch.
        """
        return None

    def onnx_graph(self, checkpoint: Checkpoint) -> MemberGraph | None:
        """Build a member as one graph from photos to its answer; None where ONNX cannot hold it.

        Raises:
            CheckpointError: A model does not reproduce the scores that were saved with it.
        """
        return None

    def described(
        self,
        checkpoint: Checkpoint,
        metrics: Report,
        tables: TrainingTables,
        parameters: Parameters,
    ) -> tuple[Checkpoint, Report]:
        """Write into a checkpoint and its metrics what readers know members by, and add a card.

        Args:
            checkpoint: From training.
            metrics: The member's figures.
            tables: The tables that it was trained with.
            parameters: Its parameters.
        """
        from chajong.members.cards.carded import with_card

        known_by = {"kind": self.name, "builds_on": self.asked(parameters)}
        known = replace(checkpoint, configuration={**checkpoint.configuration, **known_by})
        figures = {**metrics, "approach": self.approach, "contract": tables.contract}
        card = with_card(
            known, parameters.title, figures, tables.photos, tables.classes, tables.folds
        )
        return card, figures
