"""Parameters of data_processing."""

from pydantic import Field

from chajong.names.aliases import CHALLENGE_ALIASES
from chajong.parameters import Seeded
from chajong.photos.near_duplicates import DEFAULT_RADIUS
from chajong.photos.preparation import StoreSettings
from chajong.texts import Language
from chajong.training.parameters import MatchedFoldsParameters


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
        language: The language of the audit's page.
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
    language: Language = "en"
