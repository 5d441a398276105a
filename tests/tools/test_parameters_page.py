from typing import Literal

from pydantic import BaseModel, Field

from tools.parameters_page import PAGE, attributes, page, settings


class Crop(BaseModel):
    """How photos are cut.

    Attributes:
        area: Share of the photo
            that is kept.
    """

    library: Literal["crop"] = "crop"
    area: tuple[float, float] = (0.5, 1.0)


class Turn(BaseModel):
    """How photos are turned.

    Attributes:
        degrees: The largest turn.
    """

    library: Literal["turn"] = "turn"
    degrees: float = Field(10, ge=0)


class Base(BaseModel):
    """What all have.

    Attributes:
        seed: Of what is drawn.
    """

    seed: int = 0


class Training(Base):
    """A training.

    Attributes:
        name: What it is called.
        crop: The cut.
        change: One | other.
    """

    name: str
    crop: Crop = Crop()
    change: Crop | Turn | None = None


def test_meanings_are_read_from_docstrings_of_the_model_and_its_bases():
    expected = {
        "seed": "Of what is drawn.",
        "name": "What it is called.",
        "crop": "The cut.",
        "change": "One | other.",
    }
    assert attributes(Training) == expected
    assert attributes(Crop) == {"area": "Share of the photo that is kept."}


def test_settings_of_inner_models_have_dotted_names():
    assert list(settings(Training, "training")) == [
        ("training.seed", "`0`", "Of what is drawn."),
        ("training.name", "required", "What it is called."),
        ("training.crop", "", "The cut."),
        ("training.crop.library", "`crop`", ""),
        ("training.crop.area", "`[0.5, 1.0]`", "Share of the photo that is kept."),
        ("training.change", "`null`", "One \\| other."),
        ("training.change (crop).library", "`crop`", ""),
        ("training.change (crop).area", "`[0.5, 1.0]`", "Share of the photo that is kept."),
        ("training.change (turn).library", "`turn`", ""),
        ("training.change (turn).degrees", "`10`", "The largest turn."),
    ]


def test_the_page_is_that_of_today():
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tools.parameters_page"
