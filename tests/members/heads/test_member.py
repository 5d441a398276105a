import numpy as np
import pandas as pd
import pytest
import torch

from chajong.encoders.features import Features
from chajong.members.heads.member import predict_member, search_member_heads
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads
from chajong.names.embedding import embed_names
from chajong.predictions.contract import split_rows

NAMES = ["라브4_4세대_2013_2018", "쏘나타_2019_2023", "RAV4_2016_2018", "아반떼_2020_2022"]
PARAMETERS = HeadsParameters(kinds=("prototypes", "name_aware"))


@pytest.fixture
def classes() -> pd.DataFrame:
    effective = [NAMES[0], NAMES[1], NAMES[0], NAMES[3]]
    return pd.DataFrame({"name": NAMES, "effective_class": effective, "effective_id": [0, 1, 0, 2]})


@pytest.fixture
def photos() -> pd.DataFrame:
    """36 train photos and 5 test photos, one of each unreadable."""
    table = pd.DataFrame(
        {
            "photo_id": [f"사진/{number:02}.jpg" for number in range(41)],
            "split": ["train"] * 36 + ["test"] * 5,
            "status": "ok",
            "sha256": [f"{number:064x}" for number in range(41)],
            "class_name": [NAMES[number % 4] for number in range(36)] + [None] * 5,
        }
    )
    table.loc[[7, 38], "status"] = "unreadable"
    return table


@pytest.fixture
def folds(photos) -> pd.DataFrame:
    """The readable train photos in two folds and a calibration slice, in an order of their own."""
    train = photos[(photos["split"] == "train") & (photos["status"] == "ok")]
    table = pd.DataFrame(
        {
            "photo_id": train["photo_id"],
            "group": np.arange(35),
            "fold": np.resize([0, 1, 0, 1, -1], 35),
            "label_counts": np.arange(35) % 9 > 0,
            "encoder": "",
        }
    )
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.fixture
def features(photos) -> Features:
    """Features of the readable photos, last one first, that give the class away."""
    readable = photos[photos["status"] == "ok"][::-1]
    generator = np.random.default_rng(0)
    means = {name: generator.normal(size=6) for name in [*NAMES, "test"]}
    names = readable["class_name"].fillna("test")
    rows = [means[name] + 0.5 * generator.normal(size=6) for name in names]
    return Features(tuple(readable["photo_id"]), np.array(rows, np.float16), "encoder", "content")


def matrix_of(features: Features, photo_ids) -> np.ndarray:
    """Look up photos one at a time."""
    by_photo = dict(zip(features.photo_ids, features.matrix, strict=True))
    return np.array([by_photo[photo_id] for photo_id in photo_ids], np.float32)


def test_heads_are_searched_in_the_order_of_the_folds(features, photos, classes, folds):
    number = {"라브4_4세대_2013_2018": 0, "쏘나타_2019_2023": 1, "RAV4_2016_2018": 0}
    name_of = dict(zip(photos["photo_id"], photos["class_name"], strict=True))
    expected = search_heads(
        torch.from_numpy(matrix_of(features, folds["photo_id"])),
        torch.tensor([number.get(name_of[photo_id], 2) for photo_id in folds["photo_id"]]),
        folds["fold"].to_numpy(),
        folds["label_counts"].to_numpy(),
        3,
        torch.from_numpy(embed_names([NAMES[0], NAMES[1], NAMES[3]], "characters", "cpu")),
        PARAMETERS,
        torch.device("cpu"),
    )
    found = search_member_heads(features, photos, classes, folds, PARAMETERS)
    assert found.head == expected.head
    np.testing.assert_allclose(found.out_of_fold, expected.out_of_fold, atol=1e-3)


@pytest.fixture
def search(features, photos, classes, folds):
    return search_member_heads(features, photos, classes, folds, PARAMETERS)


def test_train_photos_have_their_out_of_fold_row(search, features, photos, classes, folds):
    train = split_rows(predict_member(search, features, photos, classes, folds), "train")
    expected = folds[folds["fold"] >= 0].reset_index(drop=True)
    columns = ["photo_id", "fold", "label_counts"]
    pd.testing.assert_frame_equal(train.rows[columns], expected[columns], check_dtype=False)
    np.testing.assert_array_equal(
        train.log_probabilities, search.out_of_fold[folds["fold"].to_numpy() >= 0]
    )


@pytest.mark.parametrize("split", ["calibration", "test"])
def test_other_photos_have_a_row_of_every_fold_model(
    search, features, photos, classes, folds, split
):
    predictions = split_rows(predict_member(search, features, photos, classes, folds), split)
    if split == "calibration":
        expected = folds.loc[folds["fold"] < 0, "photo_id"].tolist()
    else:
        expected = [photos["photo_id"][row] for row in (36, 37, 39, 40)]
    for fold, model in enumerate(search.fold_models):
        of_fold = predictions.take((predictions.rows["fold"] == fold).to_numpy())
        assert of_fold.rows["photo_id"].tolist() == expected
        scored = model.log_probabilities(torch.from_numpy(matrix_of(features, expected)))
        np.testing.assert_allclose(of_fold.log_probabilities, scored, atol=1e-5)
    assert len(predictions.rows) == 2 * len(expected)


def test_a_folder_without_test_photos(search, features, photos, classes, folds):
    train_only = photos[photos["split"] == "train"]
    rows = predict_member(search, features, train_only, classes, folds).rows
    assert set(rows["split"]) == {"train", "calibration"}
