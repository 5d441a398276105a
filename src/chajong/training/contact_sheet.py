"""What training sees of photos, as a sheet of pictures for a person."""

from __future__ import annotations

import textwrap
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import numpy as np

from chajong.photos.resizing import resize_photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from torch import Tensor

    from chajong.training.parameters import AugmentationParameters, MixingParameters

HEADING = "Left: photos as evaluation sees them. Right of it: as training sees them."
CELL_INCHES = 1.5
TITLE_INCHES = 0.24
CAPTION_INCHES = 0.85
CAPTION_LETTERS = 18


def contact_sheet(
    photos: Sequence[np.ndarray],
    titles: Sequence[str],
    augmentation: AugmentationParameters,
    mixing: MixingParameters,
    height: int,
    width: int,
    seed: int,
    variants: int = 7,
) -> Figure:
    """Draw photos as evaluation sees them, as training sees them, and mixed.

    The state of torch's random numbers and matplotlib's settings stay as they are.

    Args:
        photos: RGB uint8 arrays [h, w, 3] of any shapes, at least one.
        titles: Their class names.
        augmentation: How photos are varied.
        mixing: How batches are mixed; a way that is never taken is not shown.
        height: Height of what the model sees, in pixels.
        width: Width of what the model sees, in pixels.
        seed: Decides every random choice.
        variants: Varied pictures beside each photo.

    Returns:
        A row for each photo: the photo resized, then its variants. Beneath them a row of photos
        from mixed batches, each with its classes and their shares.
    """
    import torch
    from matplotlib.figure import Figure

    from chajong.training.augmentation import Augmentation

    augment = Augmentation(augmentation, height, width)
    rows, columns = len(photos) + 1, variants + 1
    row_inches = CELL_INCHES * height / width + TITLE_INCHES
    size = (columns * CELL_INCHES, rows * row_inches + CAPTION_INCHES)
    figure = Figure(size, layout="constrained")
    figure.suptitle(HEADING, x=0.005, ha="left", fontproperties=_font(11))
    cells = figure.subplots(rows, columns, squeeze=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for row, photo, title in zip(cells[:-1], photos, titles, strict=True):
            plain = torch.tensor(resize_photo(photo, height, width)).permute(2, 0, 1)
            _draw_row(row, [plain, *(augment(photo) for _ in range(variants))])
            row[0].set_title(title, loc="left", fontproperties=_font(9))
        batches = [torch.stack([augment(photo) for photo in photos]) for _ in range(columns)]
    _draw_mixed(cells[-1], batches, titles, mixing, np.random.default_rng(seed))
    return figure


def _draw_row(row: Sequence[Axes], pictures: Sequence[Tensor]) -> None:
    """Draw pictures, uint8 [3, height, width], into cells without a frame."""
    for cell, picture in zip(row, pictures, strict=True):
        cell.imshow(picture.permute(1, 2, 0).numpy())
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)


def _draw_mixed(
    row: Sequence[Axes],
    batches: Sequence[Tensor],
    titles: Sequence[str],
    mixing: MixingParameters,
    random: np.random.Generator,
) -> None:
    """Mix a batch for each cell, the ways of mixing side by side, and draw one photo of each."""
    import torch

    from chajong.training.mixing import mix_batch

    ways = _ways_of_mixing(mixing, len(titles))
    shown = [list(ways)[column * len(ways) // len(row)] for column in range(len(row))]
    for column, (cell, way, photos) in enumerate(zip(row, shown, batches, strict=True)):
        labels, place = torch.arange(len(titles)), column % len(titles)
        batch = mix_batch(photos, labels, ways[way], random, mixing_on=True)
        _draw_row([cell], [batch["photos"][place]])
        share = batch["share"][place].item()
        names = [titles[int(batch[which][place])] for which in ("labels", "other_labels")]
        caption = _caption(sorted(zip([share, 1 - share], names, strict=True), reverse=True))
        cell.set_xlabel(caption, loc="left", linespacing=1.4, fontproperties=_font(7))
        if column == shown.index(way):
            cell.set_title(way, loc="left", fontproperties=_font(9))


def _ways_of_mixing(mixing: MixingParameters, photos: int) -> dict[str, MixingParameters]:
    """Return, by title, parameters that always take one of the ways that `mixing` may take."""
    chances = {"cutmix": mixing.cutmix, "mixup": mixing.mixup} if photos > 1 else {}
    chances = {"plain": 1 - sum(chances.values()), **chances}
    titles = {"plain": "Plain", "cutmix": "CutMix", "mixup": "MixUp"}
    return {
        f"{titles[way]}: {chance:.0%} of batches": mixing.model_copy(
            update={"cutmix": float(way == "cutmix"), "mixup": float(way == "mixup")}
        )
        for way, chance in chances.items()
        if chance > 0
    }


def _caption(shares: Sequence[tuple[float, str]]) -> str:
    """Write shares and class names on short lines, leaving out what rounds to nothing."""
    lines = [f"{share:.0%} {name.replace('_', ' ')}" for share, name in shares if share >= 0.005]
    return "\n".join(textwrap.fill(line, CAPTION_LETTERS) for line in lines)


def _font(points: float) -> FontProperties:
    """Return a font with Hangul; importing its package would change matplotlib's settings."""
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=hangul_font(), size=points)


def hangul_font() -> str:
    """Say where a font with Hangul is."""
    file = "koreanize_matplotlib/fonts/NanumGothic.ttf"
    return str(distribution("koreanize-matplotlib").locate_file(file))
