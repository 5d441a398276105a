"""Where in a photo a trained classifier finds a class.

Source: Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization (ICCV 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chajong.device import best_device
from chajong.members.backbone.member import restored_models
from chajong.photos.loading import photo_batches
from chajong.photos.resizing import Preparation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from torch import Tensor

    from chajong.members.backbone.pooled import PooledClassifier
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore


def heat_maps_of_folds(
    checkpoint: Checkpoint,
    classes: pd.DataFrame,
    store: PhotoStore,
    contents: Sequence[str],
    folds: Sequence[int],
    asked: np.ndarray,
) -> list[np.ndarray]:
    """Ask each photo's fold model where it finds classes.

    Args:
        checkpoint: Of a backbone, or of its fusion with names.
        classes: The `classes` table.
        store: The photos.
        contents: sha-256 of each photo.
        folds: The fold of each photo.
        asked: int64 [photos, n], the classes asked for.

    Returns:
        For each photo float32 [n, height, width] from 0; the map covers the whole photo, however
        coarse it is.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
    """
    _, models = restored_models(checkpoint, classes)
    preparation = Preparation(*next(iter(models.values())).image_size)
    maps = []
    batches = photo_batches(contents, store, preparation, batch_size=1)
    for photo, fold, wanted in zip(batches, folds, asked, strict=True):
        model = models[fold].eval().to(best_device())
        views = torch.from_numpy(photo)[:, 0].expand(len(wanted), -1, -1, -1)
        found = grad_cam(model, views.to(best_device()), torch.from_numpy(wanted))
        maps.append(found.cpu().numpy())
    return maps


def grad_cam(model: PooledClassifier, photos: Tensor, classes: Tensor) -> Tensor:
    """Weigh the last feature map by how much a class's log-probability rises with each channel.

    Args:
        model: In evaluation mode.
        photos: uint8 [n, 3, height, width] on its device.
        classes: int64 [n].

    Returns:
        float32 [n, rows, columns] of the network's last feature map, from 0: what speaks against
        a class is cut off.
    """
    images: Any = model.images
    with torch.no_grad():
        last = images.network.forward_features(images.normalised(photos))
    last = last.requires_grad_()
    with torch.enable_grad():
        scores = model.scores_of(images.network.forward_head(last))
        chosen = torch.log_softmax(scores, dim=1)[torch.arange(len(classes)), classes]
        (slopes,) = torch.autograd.grad(chosen.sum(), last)
    grid, slopes = (_by_place(each, images.network) for each in (last.detach(), slopes))
    weights = slopes.mean(dim=(1, 2), keepdim=True)
    heat: Tensor = (weights * grid).sum(dim=3).relu().float()
    return heat


def _by_place(features: Tensor, network: Any) -> Tensor:
    """Lay features out as [n, rows, columns, channels], without tokens that have no place."""
    if features.ndim == 3:
        patches = features[:, network.num_prefix_tokens :]
        grid: Tensor = patches.unflatten(1, network.patch_embed.grid_size)
        return grid
    is_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    return features if is_last else features.permute(0, 2, 3, 1)
