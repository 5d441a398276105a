"""What a person can choose about training."""

from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from chajong.parameters import Strict

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Quality = Annotated[int, Field(ge=1, le=100)]
Bound = TypeVar("Bound", float, int)


def _ascending(interval: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    if interval[0] > interval[1]:
        raise ValueError(f"the interval {interval} must name its lower end first")
    return interval


Interval = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
Share = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(gt=0, lt=2)]


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
    thresholds: tuple[Threshold, ...] = (
        0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
    )  # fmt: skip


class AugmentationParameters(Strict):
    """How a photo is varied each time it is seen.

    Factors are drawn uniformly from an interval; an interval from 1 to 1 leaves the photo as it is,
    as do JPEG qualities from 100 to 100.

    Attributes:
        crop_area: Share of the photo's area that a random crop keeps.
        crop_ratio: How much wider than the photo the crop may be.
        half_crop: Probability that only one half along the long side is cropped from.
        flip: Probability of the mirror image.
        rotation: Largest turn to either side, in degrees.
        brightness: Factor of the pixel values; photos of the test set are darker.
        gamma: Exponent of the pixel values on a scale of 0 to 1.
        saturation: Factor between the grey photo and the coloured one.
        contrast: Factor between the photo's mean grey and the photo.
        jpeg_quality: Qualities of the JPEG that a photo is written as and read again.
        erasing: Probability that a rectangle is erased.
    """

    crop_area: Annotated[tuple[Share, Share], AfterValidator(_ascending)] = (0.5, 1.0)
    crop_ratio: Interval = (0.8, 1.25)
    half_crop: Probability = 0.3
    flip: Probability = 0.5
    rotation: float = Field(10.0, ge=0, le=45)
    brightness: Interval = (0.45, 1.2)
    gamma: Interval = (0.6, 1.5)
    saturation: Interval = (0.6, 1.4)
    contrast: Interval = (0.7, 1.3)
    jpeg_quality: Annotated[tuple[Quality, Quality], AfterValidator(_ascending)] = (50, 95)
    erasing: Probability = 0.15


class MixingParameters(Strict):
    """How often the photos of a batch are mixed with one another.

    Attributes:
        cutmix: Probability that a batch is mixed by CutMix.
        mixup: Probability that a batch is mixed by MixUp; the rest stays plain.
        cutmix_concentration: Both parameters of the Beta distribution of CutMix's shares.
        mixup_concentration: The same for MixUp.
        off_for_last: Share of the training, at its end, that sees plain batches only.
    """

    cutmix: Probability = 0.4
    mixup: Probability = 0.2
    cutmix_concentration: Positive = 1.0
    mixup_concentration: Positive = 0.4
    off_for_last: Probability = 0.15

    @model_validator(mode="after")
    def _probabilities_fit(self) -> "MixingParameters":
        if self.cutmix + self.mixup > 1:
            message = f"cutmix {self.cutmix} and mixup {self.mixup} must not exceed 1 together"
            raise ValueError(message)
        return self


class TrainingParameters(Strict):
    """How a model is trained.

    Attributes:
        epochs: Passes over the training photos.
        batch_size: Photos an optimiser step, over all processes.
        gradient_accumulation: Passes that a step's batch is split into; more need less memory.
        learning_rate: Peak rate of the last pretrained layer.
        head_learning_rate: Peak rate of randomly initialised layers.
        layer_decay: Factor of the rate from one pretrained layer to the one before it.
        weight_decay: Of AdamW; biases and normalisation weights have none.
        warm_up: Share of the steps in which the rate rises; it falls as a cosine after that.
        gradient_norm: Longest gradient; longer ones are shortened to it.
        average_horizon: Steps that the averaged weights look back on, as a share of all steps; the
            averaged weights are the ones evaluated. 0 keeps the last weights.
        device: ``gpu`` refuses to run without one; ``auto`` takes the best device there is.
        precision: ``auto`` is bfloat16 on a GPU that has it, float16 with scaled gradients on one
            that only emulates it, and float32 on the CPU.
        gradient_checkpointing: Whether activations are computed twice instead of kept.
        compile: Whether ``torch.compile`` is used.
        epoch_choice: ``last`` trains for all epochs; ``inner`` holds one group in ten of the
            training photos back and keeps the epoch with the lowest loss on them.
        folds: Folds whose models are trained; all where none is named.
        processes: Processes that share every batch, one for each GPU.
        loader_workers: Processes that prepare photos for each training process; 0 prepares them
            in the training process itself.
        save_every: Steps between checkpoints that an interrupted run resumes from.
        augmentation: How photos are varied.
        mixing: How photos of a batch are mixed.
        seed: Seed of everything that training draws at random.
        wide_range: As for `chajong.device.best_precision`; no setting, but a property of the models
            that are trained.
    """

    wide_range: ClassVar[bool] = False

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(32, ge=2)
    gradient_accumulation: int = Field(1, ge=1)
    learning_rate: float = Field(4e-5, ge=0)
    head_learning_rate: float = Field(1e-4, ge=0)
    layer_decay: float = Field(0.8, gt=0, le=1)
    weight_decay: float = Field(0.02, ge=0)
    warm_up: Probability = 0.05
    gradient_norm: Positive = 1.0
    average_horizon: float = Field(0.05, ge=0, le=0.05)
    device: Literal["auto", "gpu"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    gradient_checkpointing: bool = False
    compile: bool = False
    epoch_choice: Literal["last", "inner"] = "last"
    folds: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    processes: int = Field(1, ge=1)
    loader_workers: int = Field(0, ge=0)
    save_every: int = Field(200, ge=1)
    augmentation: AugmentationParameters = AugmentationParameters()
    mixing: MixingParameters = MixingParameters()
    seed: int = Field(0, ge=0)
