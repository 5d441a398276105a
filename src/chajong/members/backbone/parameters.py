"""What a person can choose about a backbone, and about its fusion with names."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from chajong.encoders.parameters import Revision
from chajong.encoders.weights import check_word
from chajong.names.embedding import NameLanguage
from chajong.parameters import Strict

Side = Annotated[int, Field(ge=16)]
Zoom = Annotated[float, Field(ge=1, le=4)]
Mode = Literal["concatenation", "weighted", "none"]


class BackboneParameters(Strict):
    """A timm model that is trained with a linear classifier.

    Attributes:
        model: The model's name in timm.
        weights: ``hub`` downloads the published weights; ``random`` initialises them at random;
            anything else is a file of the model's weights, a folder that holds one, or the folder
            of an open_clip model whose photo tower is this timm model.
        revision: Commit, branch or tag of the hub repository that the weights are fetched from.
        image_size: Side, or height and width, in pixels; that of the weights where it is not given.
        mean: Channel means on a scale of 0 to 1; those of the weights where they are not given.
        std: Channel standard deviations likewise.
        drop_path: Probability that the last residual branch is skipped in training; earlier ones
            are skipped less often.
        freeze_batch_norm: Whether batch norms keep the statistics and the affine weights that they
            were loaded with.
        frozen_stages: Stages of the network that keep the weights that they were loaded with: 1 is
            the stem, 2 the stem and the first block of layers as timm groups them. Early stages
            take most of the time and memory of training.
        flip: Whether a prediction averages a photo and its mirror image.
        zoom: Centre zooms that a prediction averages; 1 is the whole photo.
        prediction_batch_size: Photos a batch of prediction.
        seed: Seed of random initialisation.
    """

    model: str = Field(min_length=1)
    weights: Annotated[str, AfterValidator(check_word)] = "hub"
    revision: Revision = "main"
    image_size: Side | tuple[Side, Side] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    drop_path: float = Field(0.0, ge=0, lt=1)
    freeze_batch_norm: bool = False
    frozen_stages: int = Field(0, ge=0)
    flip: bool = True
    zoom: tuple[Zoom, ...] = Field((1.0, 1.15), min_length=1)
    prediction_batch_size: int = Field(64, ge=1)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _frozen_stages_were_trained(self) -> Self:
        if self.frozen_stages and self.weights == "random":
            message = "frozen_stages keeps trained weights as they are, and weights=random has none"
            raise ValueError(message)
        return self

    @property
    def library(self) -> str:
        """The library that builds the network."""
        return "timm"


class FusionParameters(BackboneParameters):
    """A backbone whose classifier also knows the names of the classes.

    Attributes:
        mode: ``concatenation`` scores a photo and a name together; ``weighted`` adds up how much
            the photo looks like the class and like its name; ``none`` leaves names to the auxiliary
            losses.
        name_model: What embeds the names; see `chajong.names.embedding.embed_names`.
        name_revision: Commit, branch or tag of the name model's hub repository.
        name_language: Language of the sentences that a SentenceTransformer encodes; ``automatic``
            is the one that its tokenizer reads in fewer pieces.
        name_loss: Weight of the auxiliary loss that predicts a name's embedding from the photo.
        attribute_loss: Weight of the auxiliary loss that predicts maker, generation, facelift,
            powertrain and first year from the photo.
    """

    mode: Mode = "weighted"
    name_model: str = Field("characters", min_length=1)
    name_revision: Revision = "main"
    name_language: NameLanguage = "automatic"
    name_loss: float = Field(0.1, ge=0)
    attribute_loss: float = Field(0.1, ge=0)
