import io
import re
from html import escape

import numpy as np
import pandas as pd
import pytest

from chajong.encoders.features import Features
from chajong.predictions.contract import Predictions, normalise_log
from chajong.reports.doubtful_labels import (
    NEAR_DUPLICATE,
    SAME_FILE,
    doubtful_labels_page,
    rank_doubtful_labels,
)

NAMES = ("쏘나타_2019_2023", "K5_<b>_2020", "아반떼_2020_2022")
COUNT = 90
PLANTED = 7


class NoStore:
    """A store without photos."""

    def __contains__(self, content: object) -> bool:
        return False


class World:
    """Photos of three classes; photo 7 carries another class's name."""

    def __init__(self) -> None:
        self.ids = [f"train/차/{number}.jpg" for number in range(COUNT)]
        truth = np.arange(COUNT) % 3
        labels = truth.copy()
        labels[PLANTED] = (labels[PLANTED] + 1) % 3
        self.suggested = NAMES[truth[PLANTED]]
        self.photos = pd.DataFrame(
            {
                "photo_id": self.ids,
                "split": "train",
                "class_name": np.asarray(NAMES)[labels],
                "sha256": self.ids,
                "verdict": "",
            }
        )
        self.classes = pd.DataFrame({"name": NAMES, "effective_class": NAMES})
        self.folds = pd.DataFrame(
            {
                "photo_id": self.ids,
                "fold": [-1] * 6 + [number % 2 for number in range(6, COUNT)],
                "label_counts": True,
                "group": range(COUNT),
            }
        )
        self.groups = pd.DataFrame(
            {"photo_id": self.ids, "near_duplicates": range(COUNT), "conflict": False}
        )
        random = np.random.default_rng(0)
        scores = random.normal(size=(COUNT, 3))
        scores[np.arange(COUNT), truth] += 4
        in_fold = self.folds["fold"] >= 0
        rows = self.folds.assign(split=np.where(in_fold, "train", "calibration"))
        self.ensemble = Predictions(
            rows[["photo_id", "split", "fold", "label_counts"]], normalise_log(scores), NAMES, "c"
        )
        matrix = random.normal(size=(COUNT, 8)).astype(np.float32)
        matrix[np.arange(COUNT), truth] += 6
        self.features = Features(tuple(self.ids), matrix, "key", "content")

    def rank(self, features: bool = True, car_likeness: pd.Series | None = None) -> pd.DataFrame:
        return rank_doubtful_labels(
            self.ensemble,
            self.photos,
            self.classes,
            self.folds,
            self.groups,
            [self.features] if features else [],
            car_likeness,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("features", [True, False])
def test_a_wrong_label_comes_first_with_the_right_one_beside_it(world, features):
    ranked = world.rank(features)
    assert len(ranked) == COUNT
    assert ranked["photo_id"][0] == world.ids[PLANTED]
    assert ranked["suggested_label"][0] == world.suggested
    assert ranked["score"].is_monotonic_decreasing
    assert (ranked["verdict"] == "").all()


def test_pictures_under_two_labels_come_first_and_the_same_file_before_all(world):
    world.groups.loc[[20, 21], "conflict"] = True
    world.groups.loc[[20, 21], "near_duplicates"] = 20
    world.groups.loc[[50, 52], "near_duplicates"] = 50  # of two classes
    world.groups.loc[[60, 63], "near_duplicates"] = 60  # of one class
    for features in (True, False):
        ranked = world.rank(features)
        assert set(ranked["photo_id"][:2]) == {world.ids[20], world.ids[21]}
        assert set(ranked["photo_id"][2:4]) == {world.ids[50], world.ids[52]}
        expected = [SAME_FILE] * 2 + [NEAR_DUPLICATE] * 2 + [""] * (COUNT - 4)
        assert ranked["conflict"].tolist() == expected


def test_a_label_that_a_person_dropped_contradicts_none(world):
    world.groups.loc[[50, 52], "near_duplicates"] = 50
    world.photos.loc[52, "verdict"] = "drop"
    assert (world.rank()["conflict"] == "").all()


def test_classes_without_photos_are_no_hindrance(world):
    few = world.photos["class_name"] != NAMES[2]
    for name in ("photos", "folds", "groups"):
        setattr(world, name, getattr(world, name)[few])
    assert set(world.rank(features=False)["label"]) == set(NAMES[:2])


def test_a_reviewed_photo_is_not_listed_again(world):
    world.photos.loc[PLANTED, "verdict"] = "keep"
    ranked = world.rank()
    assert world.ids[PLANTED] not in set(ranked["photo_id"])
    assert ranked["rank"].tolist() == list(range(1, COUNT))


def test_neighbours_are_other_groups_photos_of_the_right_class(world):
    first = world.rank().iloc[0]
    nearest = first["nearest_photos"].split(";")
    assert first["photo_id"] not in nearest
    classes = world.photos.set_index("photo_id")["class_name"]
    assert set(classes[nearest]) == {world.suggested}
    assert first["neighbour_agreement"] < 0.3


def test_a_photo_without_prediction_is_listed_all_the_same(world):
    world.ensemble = world.ensemble.take(np.arange(COUNT) != 30)
    assert world.ids[30] in set(world.rank()["photo_id"])


def test_car_likeness_is_told_only_by_a_model_that_knows_cars(world):
    likeness = pd.Series(0.9, index=world.ids)
    likeness[world.ids[3]] = 0.1
    ranked = world.rank(car_likeness=likeness).set_index("photo_id")
    assert ranked.loc[world.ids[3], "car_likeness"] == pytest.approx(0.1)
    assert world.rank(car_likeness=1 - likeness)["car_likeness"].isna().all()


def test_the_page_names_both_labels_and_where_to_write_also_after_a_file(world):
    world.groups.loc[[20, 21], "conflict"] = True
    ranked = world.rank(car_likeness=pd.Series(0.8, index=world.ids))
    file = io.StringIO(ranked.to_csv(index=False))
    page = doubtful_labels_page(pd.read_csv(file), world.photos, NoStore(), "결과/review.csv")
    text = page.replace("<wbr>", "")
    assert escape(world.suggested) in text
    assert "결과/review.csv" in text
    assert "K5_&lt;b&gt;_2020" in text
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert text.count("one of the two is wrong") == 2
    assert not re.search(r'(src|href)="http', page)


def test_the_page_is_told_in_korean(world):
    world.groups.loc[[20, 21], "conflict"] = True
    ranked = world.rank(car_likeness=pd.Series(0.8, index=world.ids))
    page = doubtful_labels_page(ranked, world.photos, NoStore(), "review.csv", "ko")
    assert page.count("둘 중 하나는 틀렸습니다") == 2
    assert "틀렸을 확률" in page
    for english in ("wrong with", "To look at", "Doubtful", "no picture"):
        assert english not in page


def test_the_page_shows_a_bounded_number_of_photos(world):
    ranked = pd.concat([world.rank()] * 3, ignore_index=True)
    page = doubtful_labels_page(ranked, world.photos, NoStore(), "review.csv")
    assert page.count("<article") == 100
