"""What a person can choose about CLIP training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chajong.encoders.parameters import PretrainedParameters, Revision
from chajong.encoders.weights import check_word
from chajong.names.prompts import Language
from chajong.parameters import Strict

Tower = Literal["photo", "text"]


class ClipParameters(Strict):
    """A model that compares photos with sentences, and how it learns and predicts.

    Attributes:
        library: Which library builds the model.
        model: The model's name in that library, or a hub repository or ``local-dir:`` folder that
            it can load.
        weights: ``hub`` downloads the published weights; ``random`` initialises them at random;
            anything else is a file of weights, a folder in the library's format, or a
            pretrained tag of open_clip (such as ``openai``).
        revision: Commit, branch or tag of the hub repository that the weights are fetched from.
        tokenizer_revision: The same of the tokenizer, where open_clip takes it from another
            repository than the weights.
        image_size: Height and width in pixels; the model's own where it is not given.
        flip: Whether predictions average a photo and its mirror image.
        zoom: Centre zooms that predictions average over; 1 is the whole photo.
        prediction_batch_size: Photos, or sentences, a batch where nothing is trained.
        languages: Languages of the sentences about a class.
        prompts: Whether a training step compares with one random sentence a class (``sampled``)
            or with the mean of all (``averaged``). Predictions always use the mean.
        objective: ``classes_and_positives`` is cross entropy over all classes and a contrastive
            loss in which all photos of a class are positives; ``clip`` is CLIP's own loss.
        contrastive_weight: Weight of the contrastive loss beside the cross entropy.
        freeze: Towers that keep their weights.
        lora_rank: Rank of the low-rank changes that are trained in place of the weights
            themselves; 0 trains the weights.
        lora_alpha: The changes are scaled by this number over the rank.
        wise_ft_alphas: Values of WiSE-FT's α that are tried: 1 is the trained weights, and less
            moves them towards the starting ones.
        seed: Seed of all random initialisation.
    """

    library: Literal["open_clip", "transformers"]
    model: str = Field(min_length=1)
    weights: str = Field("hub", min_length=1)
    revision: Revision = "main"
    tokenizer_revision: Revision = "main"
    image_size: int | None = Field(None, ge=16)
    flip: bool = True
    zoom: tuple[Annotated[float, Field(ge=1, le=4)], ...] = Field((1.0,), min_length=1)
    prediction_batch_size: int = Field(64, ge=1)
    languages: tuple[Language, ...] = Field(("korean", "english"), min_length=1)
    prompts: Literal["averaged", "sampled"] = "sampled"
    objective: Literal["classes_and_positives", "clip"] = "classes_and_positives"
    contrastive_weight: float = Field(0.5, ge=0)
    freeze: tuple[Tower, ...] = ()
    lora_rank: int = Field(0, ge=0)
    lora_alpha: int = Field(32, ge=1)
    wise_ft_alphas: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.5, 0.75, 1.0), min_length=1
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _adapters_have_a_tower(self) -> "ClipParameters":
        if self.lora_rank and set(self.freeze) == {"photo", "text"}:
            message = "lora_rank changes a tower, but freeze names both; free one or set rank 0"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _weights_are_known(self) -> "ClipParameters":
        if self.library != "open_clip":  # which has tags
            check_word(self.weights)
        return self

    @property
    def alphas(self) -> tuple[float, ...]:
        """Values of WiSE-FT's α that are tried: weights between random and trained mean nothing."""
        return (1.0,) if self.weights == "random" else self.wise_ft_alphas

    @property
    def source(self) -> PretrainedParameters:
        """Which model it is and where its weights come from, as for a frozen encoder."""
        return PretrainedParameters(
            library=self.library,
            model=self.model,
            weights=self.weights,
            revision=self.revision,
            image_size=self.image_size,
            seed=self.seed,
        )
