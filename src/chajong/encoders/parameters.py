"""What a person can choose about an encoder."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from chajong.encoders.weights import check_word
from chajong.parameters import Strict
from chajong.photos.resizing import Fit

Revision = Annotated[str, Field(min_length=1)]
"""A commit, branch or tag of a hub repository; a commit stays what it is, a branch moves on."""


Backend = Literal["auto", "torch", "openvino"]
"""What computes an image model on a CPU.

``auto`` is torch, until so much was computed that a trial pays, and then the faster of torch and
OpenVINO, where that is installed and gives the same features.
"""


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
        weights: ``hub`` downloads the published weights; ``random`` initialises them at random;
            anything else is a file of weights, a folder in the library's format, or a
            pretrained tag of open_clip (such as ``openai``).
        revision: Commit, branch or tag of the hub repository that the weights are fetched from.
        image_size: Height and width in pixels; the model's own where it is not given.
        mean: Channel means on a scale of 0 to 1; the model's own where they are not given.
        std: Channel standard deviations likewise.
        fit: How a photo becomes the encoder's shape.
        layers: How many layers are joined: 1 is the model's own pooled features, 2 also the mean of
            its last stage (resolution or block), 3 also of the one before, and so on. Models of
            timm have stages.
        flip: Whether the features of a photo and of its mirror image are averaged.
        zoom: Centre zooms whose features are joined; 1 is the whole photo.
        batch_size: Photos a batch.
        compile: Whether ``torch.compile`` is used; it pays for large models on a GPU.
        backend: What computes the features; on an accelerator it is torch.
        seed: Seed of random weights.
    """

    library: Literal["timm", "open_clip", "transformers"]
    model: str = Field(min_length=1)
    weights: str = Field("hub", min_length=1)
    revision: Revision = "main"
    image_size: int | None = Field(None, ge=16)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    fit: Fit = "squash"
    layers: int = Field(1, ge=1)
    flip: bool = True
    zoom: tuple[Annotated[float, Field(ge=1, le=4)], ...] = Field((1.0, 1.4), min_length=1)
    batch_size: int = Field(32, ge=1)
    compile: bool = False
    backend: Backend = "auto"
    seed: int = 0

    @model_validator(mode="after")
    def _weights_are_known(self) -> "PretrainedParameters":
        if self.library != "open_clip":  # which has tags
            check_word(self.weights)
        return self

    @model_validator(mode="after")
    def _layers_are_there(self) -> "PretrainedParameters":
        if self.layers > 1 and self.library != "timm":
            raise ValueError(
                f"layers: {self.layers} layers are joined for models of timm alone, not of "
                f"{self.library}: leave it out."
            )
        return self

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return self.model


class VlmParameters(Strict):
    """What the encoders made of vision-language models have in common.

    Attributes:
        model: A hub repository.
        weights: ``hub`` downloads the published weights; a path with a slash is a local folder with
            the configuration, the processor and the weights of the model.
        revision: Commit, branch or tag of the hub repository.
        fit: How a photo becomes the encoder's shape.
        flip: Whether the features of a photo and of its mirror image are averaged.
        zoom: Centre zooms whose features are joined; 1 is the whole photo.
        batch_size: Photos a batch.
    """

    model: str = Field(min_length=1)
    weights: str = Field("hub", pattern=r"^hub$|[/\\]")
    revision: Revision = "main"
    fit: Fit = "squash"
    flip: bool = False
    zoom: tuple[Annotated[float, Field(ge=1, le=4)], ...] = Field((1.0,), min_length=1)
    batch_size: int = Field(8, ge=1)

    @property
    def running(self) -> PretrainedParameters:
        """How photos are fed to the model, in the words that every image model is run by."""
        return PretrainedParameters(
            library="transformers",
            backend="torch",  # a second copy of billions of weights would not fit
            **self.model_dump(include=set(VlmParameters.model_fields)),
        )


class PixelBudget(Strict):
    """How many pixels a model of dynamic resolution sees.

    Such models take any height and width in whole merged patches, and cost grows with the pixels.
    All photos of a batch have one shape here: the one that the model's own rule for resizing gives
    a photo of `aspect_ratio` that has `max_pixels`. A model of one resolution takes that and only
    checks that it is within the budget.

    Attributes:
        max_pixels: Most pixels of a photo.
        aspect_ratio: Width over height of the shape.
    """

    max_pixels: int = Field(448 * 448, ge=28 * 28)
    aspect_ratio: float = Field(4 / 3, ge=0.25, le=4)


PooledFeatures = Literal["patches", "projected", "both"]
"""Which output of a vision tower is averaged over a photo.

``patches`` is what its last block gives (LLaVA: the block that its language model reads);
``projected`` is what the language model gets to see, after the merger, projector or resampler;
``both`` joins the two.
"""


class VlmTowerParameters(VlmParameters, PixelBudget):
    """The vision tower alone of Qwen2.5-VL, Qwen2-VL or LLaVA-1.5; its configuration says which.

    Attributes:
        features: Which output of the tower is averaged over a photo.
    """

    library: Literal["vlm_tower"] = "vlm_tower"
    features: PooledFeatures = "both"

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return f"{self.model} (vision tower)"


class VlmLanguageParameters(VlmParameters, PixelBudget):
    """The language model of Qwen2.5-VL, Qwen2-VL or LLaVA-1.5 after a photo and a prompt.

    Attributes:
        prompt: What the user says after the photo, put into the model's own chat template.
        pooling: Whether the last token's hidden state is taken or the mean of all tokens'.
    """

    library: Literal["vlm_language"] = "vlm_language"
    prompt: str = Field("What is the make, model and generation of this car?", min_length=1)
    pooling: Literal["last", "mean"] = "last"

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return f"{self.model} (language model)"


class QwenVlChatParameters(VlmParameters):
    """The vision tower alone of Qwen-VL-Chat, whose own code needs libraries of its time.

    Attributes:
        features: Which output of the tower is averaged over a photo.
    """

    library: Literal["qwen_vl_chat"] = "qwen_vl_chat"
    model: str = Field("Qwen/Qwen-VL-Chat", min_length=1)
    features: PooledFeatures = "both"

    @property
    def title(self) -> str:
        """What progress bars and reports call the encoder."""
        return f"{self.model} (vision tower)"


EncoderParameters = Annotated[
    HogParameters
    | PretrainedParameters
    | VlmTowerParameters
    | VlmLanguageParameters
    | QwenVlChatParameters,
    Field(discriminator="library"),
]


def read_encoder(settings: Mapping[str, Any]) -> EncoderParameters:
    """Read an encoder's parameters from the JSON values that a checkpoint or an index keeps."""
    adapter: TypeAdapter[EncoderParameters] = TypeAdapter(EncoderParameters)
    return adapter.validate_python(settings)
