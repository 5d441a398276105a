from dataclasses import replace

import numpy as np
import pytest
import torch

from chajong.encoders.features import Features
from chajong.members.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from chajong.members.heads.checkpoint import fold_models, heads_checkpoint
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads

NAMES = ("쏘나타_2019_2023", "아반떼_2020_2022", "라브4_4세대_2013_2018", "K5")
MADE_BY = {"encoder": {"library": "hog"}}
FORMS = pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("logistic_regression", "cosine"),
        ("prototypes", "linear"),
        ("name_aware", "cosine"),
        ("neighbours", "neighbour"),
        ("prototypes+neighbours", "pool"),
    ],
)


@pytest.fixture
def make(cloud):
    """Return a maker of a search with the features that it was made from."""
    matrix, labels = cloud(photos=40)
    features = Features(
        tuple(f"차/{number}.jpg" for number in range(40)), matrix.numpy(), "encoder", "content"
    )

    def build(kind, **settings):
        search = search_heads(
            matrix,
            labels,
            np.arange(40) // 4 % 3 - 1,
            np.ones(40, bool),
            4,
            torch.eye(4),
            HeadsParameters(kinds=kind.split("+"), **settings),
            torch.device("cpu"),
        )
        return search, features

    return build


@FORMS
def test_a_checkpoint_read_back_scores_the_same(make, tmp_path, kind, form):
    search, features = make(kind)
    write_checkpoint(heads_checkpoint(search, features, NAMES, MADE_BY), tmp_path / "차종")
    checkpoint = read_checkpoint(tmp_path / "차종")
    assert checkpoint.configuration["form"] == form
    assert checkpoint.configuration["class_names"] == list(NAMES)
    matrix = torch.from_numpy(features.matrix)
    for model, again in zip(search.fold_models, fold_models(checkpoint), strict=True):
        np.testing.assert_array_equal(
            again.log_probabilities(matrix), model.log_probabilities(matrix)
        )


@pytest.mark.parametrize("normalised", [True, False])
def test_the_normalisation_of_features_comes_back(make, tmp_path, normalised):
    search, features = make("prototypes", signed_square_root=normalised, l2=not normalised)
    write_checkpoint(heads_checkpoint(search, features, NAMES, MADE_BY), tmp_path)
    for model in fold_models(read_checkpoint(tmp_path)):
        assert (model.signed_square_root, model.l2) == (normalised, not normalised)


@FORMS
def test_a_changed_tensor_is_noticed(make, kind, form):
    checkpoint = heads_checkpoint(*make(kind), NAMES, MADE_BY)
    name = {"linear": "intercepts", "cosine": "weights", "neighbour": "photos", "pool": "shares"}[
        form
    ]
    changed = checkpoint.tensors[f"fold_1.{name}"].flip(0)
    with pytest.raises(CheckpointError, match=r"model of fold 1 differs by .* was changed"):
        fold_models(replace(checkpoint, tensors=checkpoint.tensors | {f"fold_1.{name}": changed}))


def test_a_tensor_that_is_not_a_number_is_noticed(make):
    checkpoint = heads_checkpoint(*make("prototypes"), NAMES, MADE_BY)
    broken = checkpoint.tensors["fold_0.weights"] * float("nan")
    with pytest.raises(CheckpointError, match="model of fold 0 differs by nan"):
        fold_models(replace(checkpoint, tensors=checkpoint.tensors | {"fold_0.weights": broken}))


def test_a_changed_temperature_is_noticed(make):
    checkpoint = heads_checkpoint(*make("prototypes"), NAMES, MADE_BY)
    with pytest.raises(CheckpointError, match="model of fold 0"):
        fold_models(
            replace(checkpoint, configuration=checkpoint.configuration | {"temperature": 9.0})
        )
