"""What the training engine asks of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class PhotoClassifier(Protocol):
    """A `torch.nn.Module` that scores photos against every effective class.

    Attributes:
        image_size: Height and width in pixels of the photos that it takes.
    """

    image_size: tuple[int, int]

    def __call__(
        self,
        photos: torch.Tensor,
        labels: torch.Tensor,
        other_labels: torch.Tensor,
        share: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Compute the loss of a batch; the module's `forward`.

        A model that is asked questions takes the list ``questions`` too, one for each photo.

        Args:
            photos: uint8 [photos, 3, height, width].
            labels: int64 [photos], the effective class index.
            other_labels: int64 [photos], the class of the photo mixed in.
            share: float32 [photos], the share of the first photo, 1 where nothing is mixed in.

        Returns:
            ``loss``, a scalar.
        """

    def log_probabilities(self, photos: torch.Tensor) -> torch.Tensor:
        """Score photos, uint8 [photos, 3, height, width], as float32 [photos, classes]."""

    def layer_depths(self) -> dict[str, int | None]:
        """Say how far every trainable parameter, by name, is from the input.

        Returns:
            0 for the first pretrained layer, more for later ones, None for layers that start from
            chance.
        """

    def set_gradient_checkpointing(self, enabled: bool) -> None:
        """Compute activations twice instead of keeping them; raise where the model cannot."""
