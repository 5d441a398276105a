from dataclasses import replace

import pytest

from chajong.members.trained.identity import training_key
from chajong.names.table import class_table
from chajong.photos.store import PhotoStore
from chajong.training.parameters import (
    AugmentationParameters,
    MixingParameters,
    TrainingParameters,
)

MODEL = {"model": "test_efficientnet", "weights": "random"}
MATTERS = {
    "epochs": 7,
    "batch_size": 16,
    "gradient_accumulation": 2,
    "learning_rate": 1e-3,
    "head_learning_rate": 1e-3,
    "layer_decay": 0.5,
    "weight_decay": 0.5,
    "warm_up": 0.2,
    "gradient_norm": 2.0,
    "average_horizon": 0.01,
    "precision": "bfloat16",
    "epoch_choice": "inner",
    "augmentation": AugmentationParameters(flip=0.1),
    "mixing": MixingParameters(cutmix=0.1),
    "seed": 3,
}
DOES_NOT = {
    "folds": (1,),
    "device": "gpu",
    "loader_workers": 4,
    "save_every": 7,
    "compile": True,
}


@pytest.fixture
def tables(make_tables, tmp_path):
    return make_tables(tmp_path)


def key_of(tables, model=MODEL, **changes):
    return training_key(model, TrainingParameters(**changes), tables)


def with_fold(tables, column, value):
    folds = tables.folds.copy()
    folds.loc[5, column] = value
    return replace(tables, folds=folds)


def with_photo(tables, photo_id, column, value):
    photos = tables.photos.copy()
    photos.loc[photos["photo_id"] == photo_id, column] = value
    return replace(tables, photos=photos)


def test_the_key_is_the_same_in_every_run(make_tables, tmp_path, tables):
    assert key_of(make_tables(tmp_path / "again")) == key_of(tables)


@pytest.mark.parametrize("setting", MATTERS)
def test_a_setting_that_training_depends_on_changes_the_key(tables, setting):
    assert key_of(tables, **{setting: MATTERS[setting]}) != key_of(tables)


@pytest.mark.parametrize("setting", DOES_NOT)
def test_a_setting_of_speed_does_not_change_the_key(tables, setting):
    assert key_of(tables, **{setting: DOES_NOT[setting]}) == key_of(tables)


def test_another_model_changes_the_key(tables):
    assert key_of(tables, MODEL | {"weights": "hub"}) != key_of(tables)


@pytest.mark.parametrize(("column", "value"), [("fold", 0), ("label_counts", False), ("group", 77)])
def test_other_folds_change_the_key(tables, column, value):
    assert tables.folds.loc[5, column] != value
    assert key_of(with_fold(tables, column, value)) != key_of(tables)


def test_another_label_changes_the_key(relabelled, tables):
    assert key_of(relabelled(tables, [tables.folds["photo_id"][5]])) != key_of(tables)


def test_another_content_changes_the_key(tables):
    first, second = tables.folds["photo_id"][:2]
    [content] = tables.contents_of([second])
    assert key_of(with_photo(tables, first, "sha256", content)) != key_of(tables)


def test_an_alias_of_another_class_changes_the_key(tables):
    photo = tables.folds["photo_id"][0]
    tables = with_photo(tables, photo, "class_name", "RAV4_2016_2018")
    names = dict(zip(tables.classes["name"], tables.classes["effective_class"], strict=True))
    other = class_table(names | {"RAV4_2016_2018": "아이오닉5_2021_2024"})
    assert key_of(replace(tables, classes=other)) != key_of(tables)


def test_another_order_of_classes_changes_the_key(tables):
    names = dict(zip(tables.classes["name"], tables.classes["effective_class"], strict=True))
    other = class_table(dict(reversed(names.items())))
    assert key_of(replace(tables, classes=other)) != key_of(tables)


def test_another_preparation_of_the_photos_changes_the_key(tables):
    table = tables.store.table.replace_schema_metadata({"preparation": "another"})
    assert key_of(replace(tables, store=PhotoStore(table))) != key_of(tables)


def test_test_photos_do_not_change_the_key(tables):
    assert key_of(with_photo(tables, "TEST_0", "status", "unreadable")) == key_of(tables)


def test_a_train_photo_that_could_never_be_read_does_not_change_the_key(tables):
    changed = with_photo(tables, "train/0/cut off.jpg", "sha256", "f" * 64)
    assert key_of(changed) == key_of(tables)
