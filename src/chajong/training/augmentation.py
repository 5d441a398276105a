"""Photos varied each time that training sees them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torchvision.transforms import InterpolationMode, v2

from chajong.photos.resizing import PADDING
from chajong.training.parameters import AugmentationParameters

Bounds = tuple[float, float]

OFF = (1, 1)
NO_JPEG = (100, 100)


class Augmentation:
    """Turns a photo of any shape into a randomly varied picture of the model's shape.

    Geometry comes first, so that colour works on the small picture, which is several times faster;
    cropping is fastest on tensors and the rest on Pillow's pictures. JPEG comes after colour, as in
    a camera, and erasing last, so that its rectangle stays flat.

    Every random choice is torch's own on the CPU: `torch.manual_seed` before a photo decides how
    that photo is varied.
    """

    def __init__(self, parameters: AugmentationParameters, height: int, width: int) -> None:
        """Build the steps that are not switched off.

        Args:
            parameters: How photos are varied. An interval of 1 to 1, qualities of 100 to 100, a
                probability of 0 and a rotation of 0 each switch their step off; with all of them
                off, a photo is resized as for evaluation.
            height: Height of the picture, in pixels.
            width: Width of the picture, in pixels.
        """
        steps = [*_crop(parameters, height, width), v2.ToPILImage()]
        steps += [*_turn(parameters), *_appearance(parameters), v2.PILToTensor()]
        if parameters.erasing:
            steps.append(v2.RandomErasing(parameters.erasing, value=PADDING))
        self._vary = v2.Compose(steps)

    def __call__(self, photo: np.ndarray) -> torch.Tensor:
        """Vary a photo, RGB uint8 [h, w, 3], to uint8 [3, height, width]."""
        picture: torch.Tensor = self._vary(torch.tensor(photo).permute(2, 0, 1))
        return picture.contiguous()


def _crop(parameters: AugmentationParameters, height: int, width: int) -> list[v2.Transform]:
    steps: list[v2.Transform] = []
    if parameters.half_crop:
        steps.append(v2.RandomApply([HalfCrop()], parameters.half_crop))
    steps.append(SquashedCrop(height, width, parameters.crop_area, parameters.crop_ratio))
    return steps


def _turn(parameters: AugmentationParameters) -> list[v2.Transform]:
    steps: list[v2.Transform] = []
    if parameters.flip:
        steps.append(v2.RandomHorizontalFlip(parameters.flip))
    if parameters.rotation:
        turn = v2.RandomRotation(
            parameters.rotation, interpolation=InterpolationMode.BILINEAR, fill=list(PADDING)
        )
        steps.append(turn)
    return steps


def _appearance(parameters: AugmentationParameters) -> list[v2.Transform]:
    steps: list[v2.Transform] = []
    if {parameters.brightness, parameters.contrast, parameters.saturation} != {OFF}:
        jitter = v2.ColorJitter(parameters.brightness, parameters.contrast, parameters.saturation)
        steps.append(jitter)
    if parameters.gamma != OFF:
        steps.append(Gamma(parameters.gamma))
    if parameters.jpeg_quality != NO_JPEG:
        steps.append(v2.JPEG(parameters.jpeg_quality))
    return steps


class HalfCrop(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Keeps one of the two halves along the long side; the odd pixel belongs to both."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Choose the half."""
        return {"second": bool(torch.rand(()) < 0.5)}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Cut a photo [channels, h, w]."""
        side = -1 if inpt.shape[-1] >= inpt.shape[-2] else -2
        length = (inpt.shape[side] + 1) // 2
        start = inpt.shape[side] - length if params["second"] else 0
        return inpt.narrow(side, start, length)


class SquashedCrop(v2.RandomResizedCrop):  # type: ignore[misc]  # torchvision has no types
    """Crops at random and squashes the crop into the model's shape.

    torchvision's `RandomResizedCrop` draws the crop's own aspect ratio. Evaluation squashes whole
    photos, so that here the ratio is relative to the photo's: a crop of ratio 1 has the photo's
    shape and is squashed just as much. Area and ratio are drawn uniformly, the ratio on a
    logarithmic scale (Szegedy et al., Going deeper with convolutions, CVPR 2015, section 6). A crop
    that would leave the photo is cut at the photo's border.
    """

    def __init__(self, height: int, width: int, area: Bounds, ratio: Bounds) -> None:
        """Keep the bounds of what is drawn.

        Args:
            height: Height of the result, in pixels.
            width: Width of the result, in pixels.
            area: Smallest and largest share of the photo's area.
            ratio: Smallest and largest width over height, both relative to the photo's.
        """
        super().__init__((height, width), area, ratio, interpolation=InterpolationMode.BICUBIC)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the crop's rectangle."""
        height, width = flat_inputs[0].shape[-2:]
        area = _uniform(self.scale)
        ratio = math.exp(_uniform((math.log(self.ratio[0]), math.log(self.ratio[1]))))
        crop_height = _pixels(height, math.sqrt(area / ratio))
        crop_width = _pixels(width, math.sqrt(area * ratio))
        return {
            "top": int(torch.randint(height - crop_height + 1, ())),
            "left": int(torch.randint(width - crop_width + 1, ())),
            "height": crop_height,
            "width": crop_width,
        }


class Gamma(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Raises the pixel values, on a scale of 0 to 1, to a uniformly drawn power."""

    def __init__(self, bounds: Bounds) -> None:
        """Keep the smallest and the largest exponent."""
        super().__init__()
        self.bounds = bounds

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the exponent."""
        return {"gamma": _uniform(self.bounds)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Correct a tensor or a picture of Pillow's."""
        return v2.functional.adjust_gamma(inpt, params["gamma"])


def _uniform(bounds: Bounds) -> float:
    return torch.empty(()).uniform_(*bounds).item()


def _pixels(side: int, share: float) -> int:
    return min(side, max(1, round(side * share)))
