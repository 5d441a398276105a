from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from chajong.encoders.concatenation import join_encoders
from chajong.encoders.features import Features, content_hash
from chajong.members.heads.normalisation import normalise_features

WIDTHS = {"narrow": 3, "wide": 12, "middle": 7}
PHOTO_IDS = ("차/a.jpg", "b", "c", "d")
CONTENTS = ("0", "1", "2", "3")
PHOTOS = pd.DataFrame(
    {
        "photo_id": [*PHOTO_IDS, "cut off"],
        "sha256": [*CONTENTS, None],
        "status": ["ok"] * 4 + ["unreadable"],
    }
)


@pytest.fixture
def features() -> dict[str, Features]:
    generator = np.random.default_rng(0)
    return {
        name: Features(
            PHOTO_IDS,
            (10.0**place * generator.normal(size=(4, width))).astype(np.float16),
            encoder=name,
            content=content_hash(PHOTO_IDS, CONTENTS),
        )
        for place, (name, width) in enumerate(WIDTHS.items())
    }


def chosen(features, *names):
    return {name: features[name] for name in names}


def test_every_block_weighs_the_same_after_the_signed_square_root(features):
    joined = join_encoders(PHOTOS, features)
    rooted = normalise_features(torch.from_numpy(joined.matrix), signed_square_root=True, l2=False)
    for block in rooted.split(list(WIDTHS.values()), dim=1):
        torch.testing.assert_close(block.norm(dim=1), torch.ones(4), atol=1e-5, rtol=0)


def test_blocks_stand_in_the_order_asked_for_and_keep_their_direction(features):
    joined = join_encoders(PHOTOS, chosen(features, "wide", "narrow"))
    assert joined.photo_ids == PHOTO_IDS
    assert joined.matrix.dtype == np.float32
    for block, name in zip(np.split(joined.matrix, [12], axis=1), ("wide", "narrow"), strict=True):
        matrix = features[name].matrix.astype(np.float64)
        for row, expected in zip(block, matrix, strict=True):
            np.testing.assert_allclose(row, expected / sum(abs(expected)), rtol=1e-5)


def test_blocks_are_joined_by_photo_whatever_their_order(features):
    wide = features["wide"]
    turned = replace(wide, photo_ids=wide.photo_ids[::-1], matrix=wide.matrix[::-1])
    joined = join_encoders(PHOTOS, features | {"wide": turned})
    np.testing.assert_array_equal(joined.matrix, join_encoders(PHOTOS, features).matrix)


def test_a_row_of_zeros_stays_zero(features):
    empty = replace(features["wide"], matrix=np.zeros((4, 12), np.float16))
    joined = join_encoders(PHOTOS, {"wide": empty} | chosen(features, "narrow"))
    assert not joined.matrix[:, :12].any()
    assert np.isfinite(joined.matrix).all()


@pytest.mark.parametrize("stale", ["narrow", "wide"])
def test_features_of_other_photos_are_named_with_the_way_to_make_them_anew(features, stale):
    features |= {stale: replace(features[stale], content="before")}
    with pytest.raises(ValueError, match=f"'{stale}' are of other photos.*--namespaces {stale}"):
        join_encoders(PHOTOS, features)


def test_the_encoder_key_tells_which_encoders_are_joined(features):
    keys = [
        join_encoders(PHOTOS, chosen(features, *names)).encoder
        for names in (["narrow"], ["narrow", "wide"], ["wide", "narrow"])
    ]
    assert len(set(keys)) == 3
