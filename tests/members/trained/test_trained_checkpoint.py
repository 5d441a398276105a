import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_classifier import TinyClassifier, build_tiny

from chajong.encoders.views import ViewAverage
from chajong.manifest import seal_folder
from chajong.members.checkpoint import (
    WEIGHTS_FILE,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from chajong.members.trained.checkpoint import (
    fold_weights,
    proof_photos,
    restore_fold_models,
    trained_checkpoint,
)
from chajong.photos.resizing import Preparation
from chajong.training.moving_average import trained_weights
from chajong.training.trainer import save_weights

PREPARATION = Preparation(*TinyClassifier.image_size, zoom=(1.0, 1.2))
FOLDS = (1, 10)
"""Numbers of which one begins with the other."""


def ask(model):
    return ViewAverage(model.log_probabilities, PREPARATION, flip=True, batch_size=4)


def fold_model(fold):
    """Make a model whose weights and statistics are the fold's own."""
    model = build_tiny().eval()
    generator = torch.Generator().manual_seed(fold)
    with torch.no_grad():
        for part in model.state_dict().values():
            if part.is_floating_point():
                part.add_(torch.rand(part.shape, generator=generator))
    return model


@pytest.fixture
def tables(make_tables, tmp_path):
    return make_tables(tmp_path / "photos")


@pytest.fixture
def checkpoint(tables, tmp_path):
    """Written and read again."""
    models = {fold: fold_model(fold) for fold in FOLDS}
    proof = proof_photos(tables, PREPARATION)
    made = trained_checkpoint(
        {fold: trained_weights(model) for fold, model in models.items()},
        proof,
        {fold: ask(model).encode(proof.views) for fold, model in models.items()},
        {"class_names": list(tables.class_names), "temperature": 1.5},
    )
    write_checkpoint(made, tmp_path / "checkpoint")
    return read_checkpoint(tmp_path / "checkpoint")


def restore(checkpoint, tables):
    return restore_fold_models(checkpoint, lambda fold: build_tiny(), ask, tables.class_names)


def test_the_configuration_says_what_was_fitted_and_which_folds(checkpoint):
    assert checkpoint.configuration["temperature"] == 1.5
    assert checkpoint.configuration["folds"] == list(FOLDS)


def test_proof_photos_are_named_by_their_content(checkpoint, tables):
    contents = checkpoint.configuration["proof_photos"]
    assert contents == tables.contents_of(tables.folds["photo_id"][: len(contents)])
    assert len(checkpoint.tensors["proof.views"]) == len(contents) == 8


def test_a_folds_weights_are_its_own(checkpoint):
    for fold in FOLDS:
        expected = trained_weights(fold_model(fold))
        weights = fold_weights(checkpoint, fold)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_fold_has_the_same_file_as_its_training_left(checkpoint, tmp_path):
    for fold in FOLDS:
        save_weights(trained_weights(fold_model(fold)), tmp_path / "left")
        kept = tmp_path / "checkpoint" / f"fold_{fold}.safetensors"
        assert kept.read_bytes() == (tmp_path / "left").read_bytes()


def test_a_checkpoint_of_earlier_versions_had_all_folds_in_one_file(checkpoint, tmp_path, tables):
    folder = tmp_path / "checkpoint"
    for file in folder.glob("fold_*"):
        file.unlink()
    save_file(checkpoint.tensors, folder / WEIGHTS_FILE)
    seal_folder(folder)
    read = read_checkpoint(folder)
    assert read.tensors.keys() == checkpoint.tensors.keys()
    assert sorted(restore(read, tables)) == list(FOLDS)


@pytest.mark.parametrize("tampered", ["head.bias", "layers.1.running_mean"])
def test_weights_that_were_changed_in_the_file_are_refused(tables, tmp_path, checkpoint, tampered):
    file = tmp_path / "checkpoint" / "fold_10.safetensors"
    tensors = load_file(file)
    tensors[tampered][0] += 0.5
    save_file(tensors, file)
    seal_folder(file.parent)
    with pytest.raises(CheckpointError, match="model of fold 10 differs by"):
        restore(read_checkpoint(tmp_path / "checkpoint"), tables)


def test_other_views_of_a_photo_are_noticed(checkpoint, tables):
    def other(model):
        return ViewAverage(model.log_probabilities, PREPARATION, flip=False, batch_size=4)

    with pytest.raises(CheckpointError, match="differs by"):
        restore_fold_models(checkpoint, lambda fold: build_tiny(), other, tables.class_names)
