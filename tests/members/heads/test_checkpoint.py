from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from chajong.encoders.features import Features
from chajong.members.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from chajong.members.heads import neighbours
from chajong.members.heads.checkpoint import fold_models, heads_checkpoint
from chajong.members.heads.parameters import HeadName, HeadsParameters
from chajong.members.heads.search import search_heads

NAMES = ("쏘나타_2019_2023", "아반떼_2020_2022", "라브4_4세대_2013_2018", "K5")
MADE_BY = {"encoder": {"library": "hog"}}
POOLS = pytest.mark.parametrize(
    "kinds", [*((kind,) for kind in get_args(HeadName)), ("prototypes", "neighbours")]
)


@pytest.fixture
def make(cloud):
    """Return a maker of a search with the features that it was made from."""
    matrix, labels = cloud(photos=40)
    features = Features(
        tuple(f"차/{number}.jpg" for number in range(40)), matrix.numpy(), "encoder", "content"
    )

    def build(kinds, **settings):
        search = search_heads(
            matrix,
            labels,
            np.arange(40) // 4 % 3 - 1,
            np.ones(40, bool),
            4,
            torch.eye(4),
            HeadsParameters(kinds=kinds, **settings),
            torch.device("cpu"),
        )
        return search, features

    return build


@POOLS
def test_a_checkpoint_read_back_scores_the_same(make, tmp_path, kinds):
    search, features = make(kinds)
    write_checkpoint(heads_checkpoint(search, features, NAMES, MADE_BY), tmp_path / "차종")
    checkpoint = read_checkpoint(tmp_path / "차종")
    assert set(checkpoint.configuration["pool"]) == set(kinds)
    assert checkpoint.configuration["class_names"] == list(NAMES)
    matrix = torch.from_numpy(features.matrix)
    for model, again in zip(search.fold_models, fold_models(checkpoint), strict=True):
        np.testing.assert_array_equal(
            again.log_probabilities(matrix), model.log_probabilities(matrix)
        )


def test_many_neighbours_read_back_score_the_same(make, tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_EXACT", 0)
    search, features = make(["neighbours"])
    write_checkpoint(heads_checkpoint(search, features, NAMES, MADE_BY), tmp_path)
    matrix = torch.from_numpy(features.matrix)
    for model, again in zip(
        search.fold_models, fold_models(read_checkpoint(tmp_path)), strict=True
    ):
        np.testing.assert_array_equal(
            again.log_probabilities(matrix), model.log_probabilities(matrix)
        )


@pytest.mark.parametrize("normalised", [True, False])
def test_the_normalisation_of_features_comes_back(make, tmp_path, normalised):
    search, features = make(["prototypes"], signed_square_root=normalised, l2=not normalised)
    write_checkpoint(heads_checkpoint(search, features, NAMES, MADE_BY), tmp_path)
    for model in fold_models(read_checkpoint(tmp_path)):
        assert (model.signed_square_root, model.l2) == (normalised, not normalised)


CHANGED = (
    "logistic_regression.weights",
    "name_aware.weights",
    "neighbours.photos",
    "prototypes.intercepts",
    "whitening.centre",
    "whitening.directions",
)


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_tensor_is_noticed(make, name):
    kind = name.split(".")[0].replace("whitening", "neighbours")
    checkpoint = heads_checkpoint(*make([kind]), NAMES, MADE_BY)
    changed = checkpoint.tensors[f"fold_1.{name}"].flip(0)
    with pytest.raises(CheckpointError, match=r"model of fold 1 differs by .* was changed"):
        fold_models(replace(checkpoint, tensors=checkpoint.tensors | {f"fold_1.{name}": changed}))


def test_a_tensor_that_is_not_a_number_is_noticed(make):
    checkpoint = heads_checkpoint(*make(["prototypes"]), NAMES, MADE_BY)
    name = "fold_0.prototypes.weights"
    broken = checkpoint.tensors[name] * float("nan")
    with pytest.raises(CheckpointError, match="model of fold 0 differs by nan"):
        fold_models(replace(checkpoint, tensors=checkpoint.tensors | {name: broken}))


@pytest.mark.parametrize("kinds", [["prototypes"], ["prototypes", "neighbours"]])
def test_a_changed_weight_is_noticed(make, kinds):
    checkpoint = heads_checkpoint(*make(kinds), NAMES, MADE_BY)
    pool = checkpoint.configuration["pool"] | {kinds[-1]: 9.0}
    with pytest.raises(CheckpointError, match="model of fold 0"):
        fold_models(replace(checkpoint, configuration=checkpoint.configuration | {"pool": pool}))


def test_a_checkpoint_of_wide_features_grows_with_the_photos_and_not_with_the_square(cloud):
    """A fold keeps at most as many directions as it has photos, and these in that many numbers."""
    width, photos = 700, 24
    matrix, labels = cloud(photos, width)
    search = search_heads(
        matrix,
        labels,
        np.arange(photos) // 4 % 2,
        np.ones(photos, bool),
        4,
        torch.eye(4),
        HeadsParameters(kinds=("neighbours",)),
        torch.device("cpu"),
    )
    for model in search.fold_models:
        kept = sum(part.numel() for part in model.tensors().values())
        assert kept < width * (photos // 2 + 2)
