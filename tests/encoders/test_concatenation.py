from dataclasses import replace

import numpy as np
import pytest
import torch

from chajong.encoders.concatenation import join_encoders
from chajong.encoders.features import Features
from chajong.members.heads.normalisation import normalise_features

WIDTHS = {"narrow": 3, "wide": 12, "middle": 7}


@pytest.fixture
def features() -> dict[str, Features | None]:
    generator = np.random.default_rng(0)
    return {
        name: Features(
            ("차/a.jpg", "b", "c", "d"),
            (10.0**place * generator.normal(size=(4, width))).astype(np.float16),
            encoder=name,
            content="now",
        )
        for place, (name, width) in enumerate(WIDTHS.items())
    } | {"missing": None}


def test_every_block_weighs_the_same_after_the_signed_square_root(features):
    joined = join_encoders(features, list(WIDTHS), "now")
    rooted = normalise_features(torch.from_numpy(joined.matrix), signed_square_root=True, l2=False)
    for block in rooted.split(list(WIDTHS.values()), dim=1):
        torch.testing.assert_close(block.norm(dim=1), torch.ones(4), atol=1e-5, rtol=0)


def test_blocks_stand_in_the_order_asked_for_and_keep_their_direction(features):
    joined = join_encoders(features, ["wide", "narrow"], "now")
    assert joined.photo_ids == ("차/a.jpg", "b", "c", "d")
    assert joined.matrix.dtype == np.float32
    for block, name in zip(np.split(joined.matrix, [12], axis=1), ("wide", "narrow"), strict=True):
        matrix = features[name].matrix.astype(np.float64)
        for row, expected in zip(block, matrix, strict=True):
            np.testing.assert_allclose(row, expected / sum(abs(expected)), rtol=1e-5)


def test_blocks_are_joined_by_photo_whatever_their_order(features):
    wide = features["wide"]
    turned = replace(wide, photo_ids=wide.photo_ids[::-1], matrix=wide.matrix[::-1])
    joined = join_encoders(features | {"wide": turned}, list(WIDTHS), "now")
    np.testing.assert_array_equal(
        joined.matrix, join_encoders(features, list(WIDTHS), "now").matrix
    )


def test_a_row_of_zeros_stays_zero(features):
    empty = replace(features["wide"], matrix=np.zeros((4, 12), np.float16))
    joined = join_encoders(features | {"wide": empty}, ["wide", "narrow"], "now")
    assert not joined.matrix[:, :12].any()
    assert np.isfinite(joined.matrix).all()


@pytest.mark.parametrize("stale", ["narrow", "wide"])
def test_stale_and_missing_features_are_left_out(features, stale):
    features |= {stale: replace(features[stale], content="before")}
    joined = join_encoders(features, [*WIDTHS, "missing"], "now")
    expected = join_encoders(features, [name for name in WIDTHS if name != stale], "now")
    np.testing.assert_array_equal(joined.matrix, expected.matrix)
    assert joined.encoder == expected.encoder
    assert joined.content == "now"


def test_the_encoder_key_tells_which_encoders_are_joined(features):
    keys = [
        join_encoders(features, names, "now").encoder
        for names in (["narrow"], ["narrow", "wide"], ["wide", "narrow"])
    ]
    assert len(set(keys)) == 3


def test_an_unknown_encoder_is_named(features):
    with pytest.raises(ValueError, match="names 'dino': use some of narrow, wide"):
        join_encoders(features, ["narrow", "dino"], "now")


def test_none_found_is_an_error(features):
    with pytest.raises(ValueError, match="none of missing, wide has features of these photos"):
        join_encoders(features, ["missing", "wide"], "later")
