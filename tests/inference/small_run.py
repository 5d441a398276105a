"""A small finished run without a Kedro session: rendered cars, two members, a saved ensemble."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chajong.encoders.features import Features
from chajong.encoders.parameters import HogParameters, PretrainedParameters
from chajong.members.checkpoint import Checkpoint
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.kinds.frozen import FrozenKind, FrozenParameters
from chajong.members.trained.tables import TrainingTables
from chajong.photos.folder import scan_photo_folder
from chajong.photos.store import PhotoStore
from chajong.pipelines.data_processing import folds as fold_nodes
from chajong.pipelines.data_processing import nodes as data_processing
from chajong.pipelines.data_processing.parameters import DataProcessingParameters
from chajong.pipelines.ensembling import nodes, saving
from chajong.pipelines.ensembling.parameters import EnsemblingParameters
from chajong.predictions.contract import Predictions
from tools.rendered_cars.sample_names import sample_names
from tools.rendered_cars.write import write_rendered_photos

SMALL_CLIP = Path(__file__).parents[2] / "data" / "06_models" / "small_clip"
HEADS = HeadsParameters(kinds=("prototypes",))
ENCODERS = {
    "hog": HogParameters(cell=16),
    "clip_frozen": PretrainedParameters(
        library="open_clip", model="small_clip", weights=str(SMALL_CLIP)
    ),
}


@dataclass(frozen=True, eq=False)
class SmallRun:
    """What a run leaves: tables, features, predictions and checkpoints by member."""

    raw: Path
    photos: pd.DataFrame
    classes: pd.DataFrame
    folds: pd.DataFrame
    store: PhotoStore
    features: dict[str, Features]
    predictions: dict[str, Predictions]
    checkpoints: dict[str, Checkpoint]

    @property
    def tables(self):
        """The arguments that most nodes begin or end with."""
        return self.photos, self.classes, self.folds

    def test_photos(self) -> pd.DataFrame:
        """The readable test photos."""
        return self.photos.query("split == 'test' and status == 'ok'")

    def path(self, photo_id: str) -> Path:
        """Where a photo's file is."""
        return self.raw / self.photos.set_index("photo_id").loc[photo_id, "path"]

    def served(self, members=("hog", "clip_frozen")):
        """Pool some members, with the step after the pool."""
        parameters = EnsemblingParameters()
        likeness = nodes.weigh_photos(self.photos, self.folds, {}, parameters)
        predictions = {member: self.predictions[member] for member in members}
        pooled = nodes.pool(predictions, *self.tables, {}, likeness, parameters)
        return saving.serve(
            pooled,
            nodes.refine(pooled, *self.tables),
            predictions,
            self.checkpoints,
            *self.tables,
            {},
            likeness,
            parameters,
        )

    def ensemble(self, served):
        """Gather a pool as what is saved."""
        admitted = {member: self.predictions[member] for member in self.checkpoints}
        _, weights = nodes.admit_members(admitted, self.checkpoints, EnsemblingParameters())
        return saving.save_ensemble(
            served,
            self.checkpoints,
            self.predictions,
            weights,
            *self.tables,
            self.store,
            EnsemblingParameters(),
        )


def make_small_run(folder: Path) -> SmallRun:
    """Render nine car models, and run two frozen encoders on them."""
    raw = folder / "raw"
    names = sample_names(10)
    write_rendered_photos(raw, names, 12, 3, seed=1, oddities=True, progress=False)
    processing = DataProcessingParameters()
    scanned = scan_photo_folder(raw)
    classes = data_processing.list_classes(scanned, processing)
    listing = data_processing.list_photos(scanned)
    reviewed = data_processing.honour_review(scanned, listing, None)
    photos, store = data_processing.read_photos(scanned, reviewed, folder / "scratch", processing)
    groups = fold_nodes.group_photos(photos, classes, store, processing)
    folds, _ = fold_nodes.assign_folds(photos, listing, classes, groups, processing)
    features, predictions, checkpoints = {}, {}, {}
    kind, tables = FrozenKind(), TrainingTables(photos, classes, folds, store)
    for member, encoder in ENCODERS.items():
        parameters = FrozenParameters(kind="frozen", encoder=encoder, heads=HEADS)
        scratch = folder / member
        key = kind.check(scratch, parameters)
        features[member], report = kind.extract(photos, store, key, scratch, parameters)
        predictions[member], checkpoints[member], *_ = kind.predict(
            member, features[member], report, tables, parameters
        )
    return SmallRun(raw, photos, classes, folds, store, features, predictions, checkpoints)
