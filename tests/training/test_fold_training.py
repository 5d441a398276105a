from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_classifier import SETTINGS, build_tiny, labelled_photos

from chajong.training import engine, fold_training
from chajong.training.engine import TrainedModel
from chajong.training.errors import TrainingError
from chajong.training.fold_training import chosen_folds, train_folds, training_history
from chajong.training.moving_average import trained_weights
from chajong.training.parameters import TrainingParameters
from chajong.training.photo_batches import LabelledPhotos
from chajong.training.trainer import save_weights

COUNT = 60


@pytest.fixture
def folds():
    """Two photos a group, three folds, the last group of each ten in the slice."""
    groups = np.arange(COUNT) // 2
    return pd.DataFrame(
        {
            "photo_id": [f"train/{number}.jpg" for number in range(COUNT)],
            "group": groups,
            "fold": np.where(groups % 10 == 9, -1, groups % 3),
            "label_counts": np.arange(COUNT) % 7 != 0,
        }
    )


@pytest.fixture
def photos(folds):
    ids = tuple(folds["photo_id"])
    return LabelledPhotos(None, ids, np.arange(COUNT) % 3, ids)


@dataclass
class Recorder:
    """Stands in for training, and remembers what it was given."""

    jobs: dict = field(default_factory=dict)

    def __call__(self, job, folder):
        self.jobs[folder.name] = job
        return TrainedModel({}, [], 5)


@pytest.fixture
def recorded(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(fold_training, "train", recorder)
    return recorder.jobs


def no_model():
    raise AssertionError("no model is built here")


def train_all(photos, table, folder, **changes):
    parameters = TrainingParameters(batch_size=2, **changes)
    return train_folds(lambda fold: no_model, photos, table, parameters, folder, "차종")


def expected_ids(folds, fold):
    return [
        row.photo_id
        for row in folds.itertuples()
        if row.label_counts and row.fold not in (fold, -1)
    ]


class TestChosenFolds:
    def test_all_folds_where_none_is_named_and_never_the_slice(self, folds):
        assert chosen_folds(folds, TrainingParameters()) == [0, 1, 2]

    def test_named_folds_in_order_and_once(self, folds):
        assert chosen_folds(folds, TrainingParameters(folds=(2, 0, 2))) == [0, 2]

    def test_an_unknown_fold_is_an_error_that_lists_the_known_ones(self, folds):
        with pytest.raises(TrainingError, match=r"no fold 3: set `training\.folds` .*\[0, 1, 2\]"):
            chosen_folds(folds, TrainingParameters(folds=(1, 3)))


class TestTrainingPhotos:
    def test_neither_the_fold_nor_the_slice_nor_conflicts(self, folds, photos, recorded, tmp_path):
        train_all(photos, folds, tmp_path)
        assert set(recorded) == {"fold_0", "fold_1", "fold_2"}
        for fold in range(3):
            job = recorded[f"fold_{fold}"]
            assert list(job.photos.photo_ids) == expected_ids(folds, fold)
            assert job.inner_photos is None

    def test_photos_keep_their_labels(self, folds, photos, recorded, tmp_path):
        train_all(photos, folds, tmp_path)
        taken = recorded["fold_1"].photos
        known = dict(zip(photos.photo_ids, photos.labels, strict=True))
        assert [known[name] for name in taken.photo_ids] == taken.labels.tolist()

    def test_only_the_folds_asked_for(self, folds, photos, recorded, tmp_path):
        trained = train_all(photos, folds, tmp_path, folds=(1,))
        assert list(trained) == [1]
        assert list(recorded) == ["fold_1"]

    def test_every_fold_has_its_own_model(self, folds, photos, recorded, tmp_path):
        train_folds(
            lambda fold: partial(int, fold),
            photos,
            folds,
            TrainingParameters(batch_size=2),
            tmp_path,
            "",
        )
        assert [recorded[f"fold_{fold}"].build() for fold in range(3)] == [0, 1, 2]

    def test_a_fold_whose_training_photos_show_one_class_says_so(
        self, folds, photos, recorded, tmp_path
    ):
        labels = (folds["fold"] == 2).to_numpy().astype(np.int64)
        lopsided = LabelledPhotos(None, photos.contents, labels, photos.photo_ids)
        with pytest.raises(TrainingError, match=r"fold 2 do not show two .*data_processing\.folds"):
            train_all(lopsided, folds, tmp_path)
        assert recorded == {}, "folds before it would have been trained for hours"


class TestInnerPhotos:
    def test_groups_are_whole_and_apart_from_training(self, folds, photos, recorded, tmp_path):
        train_all(photos, folds, tmp_path, epoch_choice="inner")
        group_of = dict(zip(folds["photo_id"], folds["group"], strict=True))
        for fold in range(3):
            job = recorded[f"fold_{fold}"]
            seen, inner = job.photos.photo_ids, job.inner_photos.photo_ids
            assert sorted([*seen, *inner]) == sorted(expected_ids(folds, fold))
            assert not {group_of[name] for name in seen} & {group_of[name] for name in inner}

    def test_one_group_in_ten_is_held_back(self, folds, photos, recorded, tmp_path):
        train_all(photos, folds, tmp_path, epoch_choice="inner")
        group_of = dict(zip(folds["photo_id"], folds["group"], strict=True))
        for fold in range(3):
            groups = {group_of[name] for name in expected_ids(folds, fold)}
            inner = {group_of[name] for name in recorded[f"fold_{fold}"].inner_photos.photo_ids}
            assert len(inner) == max(1, round(len(groups) / 10))


class TestHistory:
    def test_every_logged_step_is_a_row(self):
        log = [
            {"step": 2, "loss": 1.5, "learning_rate": 0.1, "photos_per_second": 9.0, "seconds": 1},
            {"step": 4, "inner_loss": 1.2},
        ]
        trained = {0: TrainedModel({}, log, 4), 3: TrainedModel({}, log[:1], 2)}
        history = training_history(trained)
        assert history["fold"].tolist() == [0, 0, 3]
        assert history["epoch"].tolist() == [0.5, 1.0, 1.0]
        assert history["step"].tolist() == [2, 4, 2]
        assert history["training_loss"].tolist()[::2] == [1.5, 1.5]
        assert np.isnan(history["training_loss"][1])
        assert history["inner_loss"][1] == 1.2
        assert history["learning_rate"][0] == 0.1
        assert history["photos_per_second"][2] == 9.0

    def test_the_columns_do_not_depend_on_what_was_logged(self):
        history = training_history({0: TrainedModel({}, [{"step": 1, "loss": 2.0}], 1)})
        assert list(history.columns) == [
            "fold",
            "epoch",
            "step",
            "training_loss",
            "inner_loss",
            "learning_rate",
            "photos_per_second",
        ]


def test_finished_folds_are_not_trained_again(tmp_path, monkeypatch):
    photos = labelled_photos(tmp_path, 30)
    folds = pd.DataFrame(
        {
            "photo_id": photos.photo_ids,
            "group": np.arange(30),
            "fold": np.arange(30) // 3 % 3,
            "label_counts": True,
        }
    )

    def run(*wanted):
        parameters = TrainingParameters(**{**SETTINGS, "epochs": 1, "folds": wanted})
        return train_folds(
            lambda fold: build_tiny, photos, folds, parameters, tmp_path / "models", "tiny"
        )

    first = run(0)
    done = []
    train_here = engine.train_here
    monkeypatch.setattr(
        engine,
        "train_here",
        lambda job, folder: done.append(folder.name) or train_here(job, folder),
    )
    both = run(0, 1)
    assert done == ["fold_1"]
    assert all(torch.equal(part, both[0].weights[name]) for name, part in first[0].weights.items())


def test_a_finished_fold_is_neither_built_nor_trained_again(photos, folds, tmp_path, recorded):
    model = build_tiny()
    (tmp_path / "fold_1").mkdir()
    save_weights(trained_weights(model), tmp_path / "fold_1" / "weights.safetensors")
    (tmp_path / "fold_1" / "history.json").write_text('{"steps_per_epoch": 1, "log": []}')
    built = []

    def build(fold):
        built.append(fold)
        return no_model

    parameters = TrainingParameters(batch_size=2)
    trained = train_folds(build, photos, folds, parameters, tmp_path, "차종")
    assert built == [0, 2]
    assert sorted(recorded) == ["fold_0", "fold_2"]
    assert list(trained) == [0, 1, 2]
    assert torch.equal(trained[1].weights["head.bias"], model.head.bias)
