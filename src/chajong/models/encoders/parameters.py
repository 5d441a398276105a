"""What a person can choose about an encoder."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from chajong.photos.resizing import Fit


class Strict(BaseModel):
    """Parameters that cannot be changed and do not accept unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HogParameters(Strict):
    """Histograms of oriented gradients and of colours: a baseline that needs no weights.

    Attributes:
        width: Width in pixels that photos are resized to.
        height: Height in pixels that photos are resized to.
        orientations: Directions that a gradient is sorted into.
        cell: Side of a cell in pixels.
        colour_bins: Bins of each colour channel's histogram.
    """

    library: Literal["hog"] = "hog"
    width: int = Field(128, ge=16)
    height: int = Field(80, ge=16)
    orientations: int = Field(9, ge=2)
    cell: int = Field(8, ge=2)
    colour_bins: int = Field(8, ge=1)

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return "HOG and colours"


class PretrainedParameters(Strict):
    """An image model of a library, by name.

    Attributes:
        library: Which library builds the model.
        model: The model's name in that library, or a hub repository that it can load.
        weights: ``hub`` downloads the published weights; ``random`` starts from chance; anything
            else is a safetensors file, a folder in the library's format, or a pretrained tag of
            open_clip (such as ``openai``).
        image_size: Height and width in pixels; the model's own where it is not given.
        mean: Channel means on a scale of 0 to 1; the model's own where they are not given.
        std: Channel standard deviations likewise.
        fit: How a photo becomes the encoder's shape.
        flip: Whether the features of a photo and of its mirror image are averaged.
        zoom: Centre zooms whose features are joined; 1 is the whole photo.
        batch_size: Photos a batch.
        compile: Whether ``torch.compile`` is used; it pays for large models on a GPU.
        seed: Seed of random weights.
    """

    library: Literal["timm", "open_clip", "transformers"]
    model: str = Field(min_length=1)
    weights: str = Field("hub", min_length=1)
    image_size: int | None = Field(None, ge=16)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    fit: Fit = "squash"
    flip: bool = True
    zoom: tuple[Annotated[float, Field(ge=1, le=4)], ...] = Field((1.0, 1.4), min_length=1)
    batch_size: int = Field(32, ge=1)
    compile: bool = False
    seed: int = 0

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return self.model


EncoderParameters = Annotated[HogParameters | PretrainedParameters, Field(discriminator="library")]
