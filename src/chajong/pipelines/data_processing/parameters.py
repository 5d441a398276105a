"""Parameters of data_processing."""

from typing import Annotated

from pydantic import Field

from chajong.names.aliases import CHALLENGE_ALIASES
from chajong.parameters import Seeded, Strict
from chajong.photos.near_duplicates import DEFAULT_RADIUS
from chajong.photos.preparation import StoreSettings


class MatchedFoldsParameters(Strict):
    """How photos are joined until folds are as hard as new photos.

    Attributes:
        encoder: The frozen member whose features say how alike photos are; null is the first that
            is more than histograms, and histograms where there is none.
        thresholds: Average cosine distances up to which photos of a class are joined; the one under
            which held-out photos are as far from the others as new photos is taken, and none where
            none is needed.
    """

    encoder: str | None = None
    thresholds: tuple[Annotated[float, Field(gt=0, lt=2)], ...] = (
        0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
    )  # fmt: skip


class DataProcessingParameters(Seeded):
    """How photos are read, grouped and split.

    Attributes:
        aliases: Pairs of names for one car; a pair counts where both names are present.
        folds: Folds of the cross-validation.
        calibration_fraction: Share of the train photos that no fold's model trains on.
        near_duplicate_radius: Bits by which perceptual hashes may differ; photos whose hashes are
            so near are near-duplicates if their pixels agree too.
        train_on_conflicts: Whether byte-identical photos with different labels are trained on.
        seed: Seed of the folds.
        test_photos: Whether test photos may be looked at before they are answered: for folds as
            hard as they are, and for a pool fitted on train photos that look like them.
        typical_photos: A folder, glob or list of photos, without labels, that folds are to be as
            hard as, in place of the test photos.
        matched_folds: How photos are joined for that.
        store: How photos are kept.
    """

    aliases: tuple[tuple[str, str], ...] = CHALLENGE_ALIASES
    folds: int = Field(5, ge=2)
    calibration_fraction: float = Field(0.06, ge=0, le=0.5)
    near_duplicate_radius: int = Field(DEFAULT_RADIUS, ge=0, le=16)
    train_on_conflicts: bool = False
    test_photos: bool = True
    typical_photos: str | None = None
    matched_folds: MatchedFoldsParameters = MatchedFoldsParameters()
    store: StoreSettings = StoreSettings()
