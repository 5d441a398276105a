from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.training.mixing import blend, cut_and_paste, mix_batch
from chajong.training.parameters import MixingParameters

CUTMIX = MixingParameters(cutmix=1, mixup=0)
MIXUP = MixingParameters(cutmix=0, mixup=1)


def flat(photos: int, height: int = 8, width: int = 10) -> torch.Tensor:
    """Photos of one value each, their places in the batch."""
    values = torch.arange(photos, dtype=torch.uint8).view(-1, 1, 1, 1)
    return values.repeat(1, 3, height, width)


def noise(photos: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (photos, 3, 6, 7), dtype=torch.uint8, generator=generator)


def mixed(
    photos: torch.Tensor, parameters: MixingParameters, seed: int = 0, mixing_on: bool = True
) -> dict[str, torch.Tensor]:
    labels = torch.arange(len(photos)) * 10
    return mix_batch(photos, labels, parameters, np.random.default_rng(seed), mixing_on)


sizes = st.integers(1, 12)


class TestBatch:
    @settings(max_examples=60, deadline=None)
    @given(sizes, sizes, sizes, st.integers(0, 2**32))
    def test_layout_and_labels(self, photos, height, width, seed):
        batch = mixed(flat(photos, height, width), MixingParameters(cutmix=0.4, mixup=0.4), seed)
        assert batch["photos"].shape == (photos, 3, height, width)
        assert batch["photos"].dtype == torch.uint8
        assert batch["labels"].dtype == batch["other_labels"].dtype == torch.int64
        assert batch["share"].shape == (photos,)
        assert batch["share"].dtype == torch.float32
        assert ((batch["share"] >= 0) & (batch["share"] <= 1)).all()
        assert batch["labels"].tolist() == [10 * place for place in range(photos)]
        assert sorted(batch["other_labels"].tolist()) == batch["labels"].tolist()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(2, 12), sizes, sizes, st.integers(0, 2**32))
    def test_share_of_cutmix_is_what_is_left_of_the_first_photo(self, photos, height, width, seed):
        batch = mixed(flat(photos, height, width), CUTMIX, seed)
        for place in range(photos):
            first = batch["photos"][place] == batch["labels"][place] // 10
            other = batch["photos"][place] == batch["other_labels"][place] // 10
            assert (first | other).all()
            assert first.float().mean() == pytest.approx(batch["share"][place].item(), abs=1e-6)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(2, 6), st.integers(0, 2**32))
    def test_mixup_is_what_its_labels_and_shares_say(self, photos, seed):
        before = noise(photos, seed % 1000)
        batch = mixed(before, MIXUP, seed)
        for place in range(photos):
            share = batch["share"][place].item()
            other = before[batch["other_labels"][place] // 10].double()
            exact = share * before[place].double() + (1 - share) * other
            assert (batch["photos"][place] - exact).abs().max() <= 0.5 + 1e-3

    @pytest.mark.parametrize("parameters", [CUTMIX, MIXUP])
    @pytest.mark.parametrize("photos", [2, 3, 5])
    def test_no_photo_is_mixed_with_itself(self, parameters, photos):
        batch = mixed(noise(photos), parameters)
        assert (batch["labels"] != batch["other_labels"]).all()

    def test_a_plain_batch_stays_as_it_is(self):
        batch = mixed(noise(4), MixingParameters(cutmix=0, mixup=0))
        assert torch.equal(batch["photos"], noise(4))
        assert torch.equal(batch["other_labels"], batch["labels"])
        assert (batch["share"] == 1).all()

    @pytest.mark.parametrize("parameters", [CUTMIX, MIXUP])
    def test_switched_off_is_always_plain(self, parameters):
        for seed in range(20):
            batch = mixed(noise(4), parameters, seed, mixing_on=False)
            assert torch.equal(batch["photos"], noise(4))
            assert (batch["share"] == 1).all()

    @pytest.mark.parametrize("parameters", [CUTMIX, MIXUP])
    def test_a_batch_of_one_photo_is_plain(self, parameters):
        batch = mixed(noise(1), parameters)
        assert torch.equal(batch["photos"], noise(1))
        assert batch["share"].tolist() == [1]

    def test_ways_of_mixing_have_their_probabilities(self):
        random = np.random.default_rng(0)
        parameters = MixingParameters(cutmix=0.5, mixup=0.2)
        photos = 100 * flat(2, 16, 16)  # 0 and 100: a share of MixUp shows as a third value
        kinds: Counter[str] = Counter()
        for _ in range(2000):
            batch = mix_batch(photos, torch.arange(2), parameters, random, mixing_on=True)
            if torch.equal(batch["labels"], batch["other_labels"]):
                kinds["plain"] += 1
            elif set(batch["photos"].unique().tolist()) <= {0, 100}:
                kinds["cutmix or a MixUp of almost one photo"] += 1
            else:
                kinds["mixup"] += 1
        assert kinds["plain"] / 2000 == pytest.approx(0.3, abs=0.04)
        # Beta(0.4, 0.4) is within 0.005 of an end in one draw of six.
        assert kinds["mixup"] / 2000 == pytest.approx(0.2 * 5 / 6, abs=0.04)

    def test_shares_have_their_beta_distribution(self):
        narrow = MixingParameters(cutmix=0, mixup=1, mixup_concentration=200)
        wide = MixingParameters(cutmix=0, mixup=1, mixup_concentration=0.4)
        spreads = [
            np.std([mixed(flat(2), parameters, seed)["share"][0] for seed in range(300)])
            for parameters in (narrow, wide)
        ]
        # The standard deviation of Beta(a, a) is sqrt(1 / (4 (2 a + 1))).
        assert spreads == pytest.approx([0.025, 0.373], rel=0.1)

    def test_the_random_generator_decides(self):
        parameters = MixingParameters(cutmix=0.5, mixup=0.5)
        for seed in range(5):
            first, second = (mixed(noise(4), parameters, seed) for _ in range(2))
            assert all(torch.equal(first[name], second[name]) for name in first)


class TestPixels:
    @settings(max_examples=40, deadline=None)
    @given(st.floats(0, 1))
    def test_blend_equals_the_average_of_every_pixel(self, share):
        photos, others = noise(2, 1), noise(2, 2)
        blended = blend(photos, others, share)
        for index in np.ndindex(tuple(photos.shape)):
            exact = share * photos[index].item() + (1 - share) * others[index].item()
            assert abs(blended[index].item() - exact) <= 0.5 + 1e-4

    @pytest.mark.parametrize("share", [0, 0.3, 0.8, 1])
    def test_cutting_takes_one_rectangle_of_the_photos_shape(self, share):
        photos, others = flat(1, 40, 60), 1 + flat(1, 40, 60)
        for seed in range(30):
            mixture, kept = cut_and_paste(photos, others, share, np.random.default_rng(seed))
            pasted = [
                (row, column)
                for row in range(40)
                for column in range(60)
                if mixture[0, 0, row, column] == 1
            ]
            rows, columns = ({place[axis] for place in pasted} for axis in (0, 1))
            assert len(pasted) == len(rows) * len(columns)
            assert kept == pytest.approx(1 - len(pasted) / 2400)
            assert len(rows) <= round(40 * (1 - share) ** 0.5)
            assert len(columns) <= round(60 * (1 - share) ** 0.5)
            assert not rows or max(rows) - min(rows) == len(rows) - 1

    def test_cutting_keeps_the_wanted_share_away_from_the_border(self):
        shares = [
            cut_and_paste(flat(1, 50, 50), flat(1, 50, 50), 0.96, np.random.default_rng(seed))[1]
            for seed in range(100)
        ]
        assert min(shares) == pytest.approx(0.96)

    def test_photos_before_mixing_are_left_as_they_are(self):
        photos = noise(3)
        cut_and_paste(photos, photos.roll(1, 0), 0.2, np.random.default_rng(0))
        assert torch.equal(photos, noise(3))
