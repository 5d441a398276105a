"""Parameters of sample_photos."""

from typing import Literal

from pydantic import Field

from chajong.parameters import Seeded


class SamplePhotosParameters(Seeded):
    """Which cars are rendered, and how many photos of each.

    Attributes:
        names: Invented models, the shipped sample's first; invented ones that the sample does not
            have; or the challenge's 396 names.
        models: How many car models.
        train_photos: Train photos a model.
        test_photos: Test photos a model.
        width: Width of a photo in pixels.
        height: Height of a photo in pixels.
        seed: Seed of everything drawn at random.
    """

    names: Literal["invented", "unseen", "challenge"] = "invented"
    models: int = Field(24, ge=2)
    train_photos: int = Field(24, ge=1)
    test_photos: int = Field(6, ge=0)
    width: int = Field(160, ge=32)
    height: int = Field(100, ge=32)
