from dataclasses import replace

import numpy as np
import pytest
import torch

from chajong.encoders.encoder import EncoderError
from chajong.members.backbone import member
from chajong.members.backbone.member import (
    backbone_builder,
    fusion_builder,
    model_identity,
    predict_folds,
)
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.checkpoint import CheckpointError
from chajong.members.kinds.fusion import FusionKind
from chajong.members.trained.member import train_member
from chajong.predictions.completeness import complete_members
from chajong.training.parameters import MixingParameters, TrainingParameters

MODEL = {
    "model": "test_efficientnet",
    "weights": "random",
    "image_size": 32,
    "freeze_batch_norm": True,
    "zoom": (1.0,),
}
BACKBONE = BackboneParameters(**MODEL)
TEST_IDS = ["TEST_0", "TEST_1", "TEST_2"]


def training(**changes):
    given = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "head_learning_rate": 1e-2}
    return TrainingParameters(**given | changes, mixing=MixingParameters(cutmix=0, mixup=0))


@pytest.fixture(scope="module")
def tables(make_tables, tmp_path_factory):
    return make_tables(tmp_path_factory.mktemp("photos"), count=40)


@pytest.fixture(scope="module")
def backbone(tables, tmp_path_factory):
    """Predictions, checkpoint and metrics of the plain classifier."""
    build = backbone_builder(BACKBONE, tables)
    folder = tmp_path_factory.mktemp("backbone")
    weights, _, report = train_member(
        build, model_identity(BACKBONE), training(), tables, folder, "backbone"
    )
    return predict_folds(build, weights, report, BACKBONE, tables)


def predict_fusion(tables, start, folder, **changes):
    parameters = FusionParameters(**MODEL | changes)
    build = fusion_builder(parameters, tables, start)
    settings = training(learning_rate=0, head_learning_rate=0)
    weights, _, report = train_member(build, {}, settings, tables, folder, "fusion")
    # The weights hold all that training changed, wherever it started.
    build = fusion_builder(parameters, tables)
    return predict_folds(build, weights, report, parameters, tables)


def test_fusion_from_its_own_weights_predicts_every_row(backbone, tables, tmp_path):
    predictions, _, _ = predict_fusion(tables, None, tmp_path, mode="weighted")
    members = {"fusion": predictions}
    assert complete_members(members, tables.folds, TEST_IDS, tables.contract)[1] == {}
    assert np.abs(predictions.log_probabilities - backbone[0].log_probabilities).max() > 1e-3


@pytest.mark.parametrize("mode", ["concatenation", "none"])
def test_fusion_from_the_backbone_starts_with_its_scores(backbone, tables, tmp_path, mode):
    expected, checkpoint, _ = backbone
    given, _, _ = predict_fusion(tables, checkpoint, tmp_path, mode=mode)
    assert given.rows.equals(expected.rows)
    np.testing.assert_allclose(given.log_probabilities, expected.log_probabilities, atol=1e-4)


class TestRefusals:
    PARAMETERS = FusionParameters(**MODEL)

    def test_a_fold_that_the_backbone_lacks(self, backbone, tables):
        checkpoint = backbone[1]
        configuration = checkpoint.configuration | {"folds": [0]}
        build = fusion_builder(
            self.PARAMETERS, tables, replace(checkpoint, configuration=configuration)
        )
        build(0)
        with pytest.raises(CheckpointError, match=r"model of fold 1 of .* there is none"):
            build(1)

    def test_a_backbone_of_other_classes(self, backbone, tables):
        classes = tables.classes[tables.classes["name"] != "K5_3세대_2020_2023"]
        with pytest.raises(CheckpointError, match="'K5_3세대_2020_2023' is in one only"):
            fusion_builder(self.PARAMETERS, replace(tables, classes=classes), backbone[1])

    def test_a_backbone_whose_weights_were_changed(self, backbone, tables):
        tensors = backbone[1].tensors
        changed = tensors | {"fold_1.head.bias": tensors["fold_1.head.bias"] + torch.eye(3)[0]}
        build = fusion_builder(self.PARAMETERS, tables, replace(backbone[1], tensors=changed))
        with pytest.raises(CheckpointError, match="model of fold 1 differs by"):
            build(1)

    def test_a_backbone_of_another_network(self, backbone, tables):
        parameters = FusionParameters(**MODEL | {"model": "test_byobnet"})
        build = fusion_builder(parameters, tables, backbone[1])
        with pytest.raises(EncoderError, match="fusion's backbone 'test_byobnet' do not fit"):
            build(0)()


class TestIdentity:
    def test_settings_of_prediction_do_not_matter(self):
        other = BACKBONE.model_copy(
            update={"flip": False, "zoom": (1.0, 1.3), "prediction_batch_size": 3}
        )
        assert model_identity(other) == model_identity(BACKBONE)

    @pytest.mark.parametrize(
        "change",
        [
            {"model": "test_byobnet"},
            {"image_size": 48},
            {"seed": 1},
            {"freeze_batch_norm": False},
            {"mean": (0.1, 0.1, 0.1)},
        ],
    )
    def test_what_the_model_is_matters(self, change):
        assert model_identity(BACKBONE.model_copy(update=change)) != model_identity(BACKBONE)

    @pytest.mark.parametrize("change", [{"mode": "concatenation"}, {"name_loss": 0.7}])
    def test_where_names_enter_matters(self, change):
        parameters = FusionParameters(**MODEL)
        assert model_identity(parameters.model_copy(update=change)) != model_identity(parameters)

    def test_the_backbone_that_it_starts_from_matters(self, backbone):
        checkpoint = backbone[1]
        other = replace(checkpoint, configuration=checkpoint.configuration | {"training": "other"})
        identities = [
            FusionKind().starting_identity(start=start) for start in (None, checkpoint, other)
        ]
        assert identities[0] == {}
        assert identities[0] != identities[1] != identities[2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_fold_is_let_go_before_the_next(tables, tmp_path, watched, precision):
    build = backbone_builder(BACKBONE, tables)
    settings = training(precision=precision)
    weights, _, report = train_member(
        lambda fold: watched(build(fold)), {}, settings, tables, tmp_path, "backbone"
    )
    predict_folds(lambda fold: watched(build(fold)), weights, report, BACKBONE, tables)
    assert watched.built == 4
    assert not watched.in_memory()


@pytest.mark.parametrize("mode", ["concatenation", "weighted"])
def test_a_fusion_is_let_go_and_so_is_the_backbone_that_it_starts_from(
    backbone, tables, watched, monkeypatch, mode
):
    monkeypatch.setattr(member, "build_backbone", watched(member.build_backbone))
    parameters = FusionParameters(**MODEL, mode=mode)
    build = fusion_builder(parameters, tables, backbone[1])
    for fold in (0, 1):
        watched(build(fold))()
    assert watched.built == 4
    assert not watched.in_memory()
