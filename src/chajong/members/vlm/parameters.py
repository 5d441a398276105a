"""What a person can choose about a fine-tuned vision-language model."""

from string import ascii_uppercase
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from chajong.encoders.parameters import PixelBudget, Revision
from chajong.members.vlm.templates import ENGLISH, KOREAN, PromptTemplate
from chajong.parameters import Strict
from chajong.training.parameters import MixingParameters, Probability, TrainingParameters

Objective = Literal["listwise", "answer", "letters", "class_head"]


class HintsParameters(Strict):
    """Who proposes names, and what the prompt tells of it.

    Attributes:
        member: The member whose most probable names are the candidates, and whom the answers are
            merged with.
        table: A teammate's table in a member's place, by its file name. Where neither is named,
            every name is asked about.
        in_prompt: Whether prompts tell the predictions.
        count: How many of them a prompt tells.
        drop: Share of the training prompts that tell none.
        leave_truth_out: Share of the training prompts whose hints leave the right name out.
    """

    member: str | None = None
    table: str | None = None
    in_prompt: bool = True
    count: int = Field(5, ge=1)
    drop: Probability = 0.1
    leave_truth_out: Probability = 0.05

    @property
    def given(self) -> bool:
        """Whether somebody proposes names."""
        return self.member is not None or self.table is not None

    @model_validator(mode="after")
    def _from_one_place(self) -> "HintsParameters":
        if self.member is not None and self.table is not None:
            message = "hints come from one place: name a `member` or a `table`, not both"
            raise ValueError(message)
        return self

    def check_with(self, model: "VlmClassifierParameters") -> None:
        """See that a model can be asked with these hints.

        Raises:
            ValueError: Letters have no candidates, or the hints tell which candidate is right.
        """
        if model.objective == "letters" and not self.given:
            message = (
                "letters need a few candidates: name the member that chooses them as "
                "`hints.member`, or set `model.objective: listwise`"
            )
            raise ValueError(message)
        if self.given and self.in_prompt and self.count > model.candidates - 2:
            # Where only one candidate is not hinted, training teaches that it is the right one.
            message = (
                f"{self.count} hints of {model.candidates} candidates tell which one is missing: "
                f"set `hints.count` to {max(model.candidates - 2, 1)} or less, or raise "
                "`model.candidates`"
            )
            raise ValueError(message)


class LoraParameters(Strict):
    """Low-rank changes that are trained in place of the weights.

    Attributes:
        rank: Rank in the language model, on all its linear layers.
        alpha: Scale of the changes, divided by the rank.
        dropout: Share of a layer's input that a change does not see in training.
        vision_blocks: How many of the vision tower's last blocks have changes too.
        vision_rank: Rank there.
    """

    rank: int = Field(16, ge=1)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    vision_blocks: int = Field(8, ge=0)
    vision_rank: int = Field(8, ge=1)


class VlmClassifierParameters(PixelBudget):
    """A vision-language model that is asked which of some names a photo shows.

    Attributes:
        model: A hub repository of Qwen2.5-VL, Qwen2-VL or LLaVA-1.5.
        weights: ``hub`` downloads the published weights; a path with a slash is a local folder with
            the configuration, the processor and the weights of the model.
        revision: Commit, branch or tag of the hub repository.
        quantisation: ``nf4`` keeps the language model's linear layers in 4 bits, with doubly
            quantised scales (Dettmers et al., QLoRA, NeurIPS 2023); ``none`` as they are.
        lora: The changes that training makes.
        objective: What is trained, and by what the candidates are scored: ``listwise``, cross
            entropy over the log-likelihoods of the candidates' names; ``answer``, the right name's
            tokens; ``letters``, the letter of the right option; ``class_head``, a linear head.
        candidates: How many of the hinting member's most probable names are asked about.
        orders: In how many orders lettered options are listed in prediction.
        prior_correction: Share of what the model says about a grey photo that is taken out of its
            answers: 1 suits a model that was not trained, 0 one that was.
        templates: The questions: training draws one each time, prediction takes the first.
        ask_below: Photos whose most probable name has a lower probability than this, by the hinting
            member, are asked about; for the rest its predictions are taken over. 1 asks about all.
        prediction_batch_size: Photos a batch of prediction.
        seed: Seed of the changes and of the head before training.
    """

    model: str = Field("Qwen/Qwen2.5-VL-7B-Instruct", min_length=1)
    weights: str = Field("hub", pattern=r"^hub$|[/\\]")
    revision: Revision = "main"
    quantisation: Literal["nf4", "none"] = "nf4"
    lora: LoraParameters = LoraParameters()
    objective: Objective = "listwise"
    candidates: int = Field(10, ge=2)
    orders: int = Field(3, ge=1)
    prior_correction: float = Field(0.0, ge=0, le=1)
    templates: tuple[PromptTemplate, ...] = Field((KOREAN, ENGLISH), min_length=1)
    ask_below: Annotated[float, Field(gt=0, le=1)] = 1.0
    prediction_batch_size: int = Field(8, ge=1)
    seed: int = Field(0, ge=0)

    @property
    def library(self) -> str:
        """The library that builds the model."""
        return "transformers"

    @model_validator(mode="after")
    def _letters_suffice(self) -> "VlmClassifierParameters":
        if self.objective == "letters" and self.candidates > len(ascii_uppercase):
            message = (
                f"{self.candidates} candidates are more than the {len(ascii_uppercase)} letters: "
                "lower `candidates`, or set `objective: listwise`"
            )
            raise ValueError(message)
        return self


class VlmTrainingParameters(TrainingParameters):
    """How adapters are trained: the settings of all training, with defaults of their own.

    The vision tower learns at `layer_decay` times the language model's rate.
    """

    wide_range: ClassVar[bool] = True

    epochs: int = Field(2, ge=1)
    batch_size: int = Field(64, ge=2)
    learning_rate: float = Field(1e-4, ge=0)
    head_learning_rate: float = Field(1e-3, ge=0)
    layer_decay: float = Field(0.1, gt=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    warm_up: Probability = 0.03
    gradient_checkpointing: bool = True
    compile: Literal[False] = False
    epoch_choice: Literal["last"] = "last"
    mixing: MixingParameters = MixingParameters(cutmix=0.0, mixup=0.0)

    @model_validator(mode="after")
    def _photos_stay_whole(self) -> "VlmTrainingParameters":
        if self.mixing.cutmix or self.mixing.mixup:
            raise ValueError("a question is about one car: set `mixing: {cutmix: 0, mixup: 0}`")
        return self
