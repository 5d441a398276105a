import io
import warnings

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from chajong.photos.resizing import resize_photo
from chajong.training.contact_sheet import contact_sheet
from chajong.training.parameters import AugmentationParameters, MixingParameters

TITLES = ["더_뉴_한별_다온_2세대_2018_2021", "Zephra_Corro_2011_2016", "뷁_올뉴니로_(하이브리드)"]


def photos(count: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (20 + i, 40, 3), np.uint8) for i in range(count)]


def sheet(
    count: int = 3, mixing: MixingParameters | None = None, seed: int = 0, variants: int = 5
) -> Figure:
    return contact_sheet(
        photos(count),
        TITLES[:count],
        AugmentationParameters(),
        mixing or MixingParameters(),
        12,
        16,
        seed=seed,
        variants=variants,
    )


def pictures(figure: Figure) -> list[np.ndarray]:
    return [cell.images[0].get_array() for cell in figure.axes]


def titles(figure: Figure) -> list[str]:
    return [title for cell in figure.axes if (title := cell.get_title(loc="left"))]


def test_a_row_for_each_photo_and_one_of_mixed_photos():
    figure = sheet(variants=4)
    assert len(figure.axes) == (3 + 1) * (4 + 1)
    assert all(picture.shape == (12, 16, 3) for picture in pictures(figure))


def test_rows_begin_with_the_photo_as_evaluation_sees_it():
    drawn = pictures(sheet(variants=4))
    for row, photo in enumerate(photos()):
        np.testing.assert_array_equal(drawn[5 * row], resize_photo(photo, 12, 16))


def test_the_seed_decides_and_leaves_the_global_state_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again, other = (np.stack(pictures(sheet(seed=seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_rows_and_ways_of_mixing_are_titled():
    assert titles(sheet()) == [
        *TITLES,
        "Plain: 40% of batches",
        "CutMix: 40% of batches",
        "MixUp: 20% of batches",
    ]


def test_ways_that_are_never_taken_are_not_shown():
    figure = sheet(mixing=MixingParameters(cutmix=0, mixup=1))
    assert titles(figure)[3:] == ["MixUp: 100% of batches"]


def test_a_single_photo_is_mixed_with_none():
    figure = sheet(count=1)
    assert titles(figure) == [TITLES[0], "Plain: 100% of batches"]


def test_captions_name_both_classes_and_shares_that_sum_to_one():
    even = MixingParameters(cutmix=0, mixup=1, mixup_concentration=1000)
    for cell in sheet(mixing=even).axes[-6:]:
        caption = " ".join(cell.get_xlabel().split())
        shares = [int(word[:-1]) for word in caption.split() if word.endswith("%")]
        assert len(shares) == 2
        assert sum(shares) == pytest.approx(100, abs=1)
        assert sum(title.replace("_", " ") in caption for title in TITLES) == 2


def test_hangul_is_drawn_and_matplotlibs_settings_stay():
    mpl.use("agg")  # is chosen at the first drawing otherwise
    before = mpl.rcParams.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sheet().savefig(io.BytesIO())
    assert mpl.rcParams == before


def test_a_title_is_missing():
    with pytest.raises(ValueError, match="zip"):
        contact_sheet(
            photos(3), TITLES[:2], AugmentationParameters(), MixingParameters(), 12, 16, seed=0
        )
