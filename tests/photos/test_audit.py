from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from chajong.photos.audit import KINDS, audit_photos


class Photos:
    """Collects readable photos of a table, and what is known of their groups."""

    def __init__(self) -> None:
        self.rows: list[dict] = []
        self.groups: list[dict] = []
        self.labels_before: list[str | None] = []

    def add(
        self,
        class_name: str | None = "K5",
        group: int | None = None,
        conflict: bool = False,
        counts: bool = True,
        labelled: str | None = None,
        **change,
    ) -> str:
        number = len(self.rows)
        row = {
            "photo_id": f"photo {number}",
            "path": f"path {number}",
            "split": "train" if class_name else "test",
            "class_name": class_name,
            "verdict": "",
            "status": "ok",
            "reason": None,
            "width": 690,
            "height": 437,
            "saturation": 0.3,
        }
        self.rows.append({**row, **change})
        self.labels_before.append(labelled or class_name)
        near_duplicates = 1000 + number if group is None else group
        if class_name and "status" not in change:
            self.groups.append(
                {
                    "photo_id": row["photo_id"],
                    "near_duplicates": near_duplicates,
                    "conflict": conflict,
                    "counts": counts,
                }
            )
        return row["photo_id"]

    def audit(
        self,
        classes: dict[str, str],
        warnings: tuple[str, ...] = (),
        left_out: tuple[str, ...] = (),
    ) -> pd.DataFrame:
        photos = pd.DataFrame(self.rows)
        groups = pd.DataFrame(self.groups)
        folds = pd.DataFrame(
            {
                "photo_id": groups["photo_id"],
                "fold": np.arange(len(groups)) % 3 - 1,
                "label_counts": groups["counts"] & ~groups["conflict"],
            }
        )
        names = pd.DataFrame({"name": classes.keys(), "effective_class": classes.values()})
        folder = SimpleNamespace(
            listing=photos.assign(class_name=self.labels_before),
            warnings=warnings,
            left_out=left_out,
        )
        return audit_photos(photos, groups.drop(columns="counts"), names, folds, folder)


@pytest.fixture
def photos() -> Photos:
    """Six photos with nothing wrong, for two folds and a calibration slice."""
    photos = Photos()
    for _ in range(6):
        photos.add()
    return photos


K5 = {"K5": "K5"}


def test_good_photos_give_no_finding(photos):
    audit = photos.audit(K5)
    assert audit.empty
    assert list(audit.columns) == ["kind", "photo_id", "class_name", "group", "detail", "action"]


def test_unreadable_train_photo(photos):
    photos.add(status="unreadable", reason="the file is empty")
    (finding,) = photos.audit(K5).to_dict("records")
    assert finding["kind"] == "unreadable"
    assert finding["photo_id"] == "photo 6"
    assert finding["class_name"] == "K5"
    assert finding["detail"] == "the file is empty"
    assert finding["action"] == "left out of training"


def test_missing_test_photo(photos):
    photos.add(None, status="missing", reason="there is no file test/1.jpg")
    (finding,) = photos.audit(K5).to_dict("records")
    assert (finding["kind"], finding["action"]) == ("missing", "predicted by the class prior")


def test_conflict(photos):
    names = [photos.add("K5", 7, conflict=True), photos.add("K7", 7, conflict=True)]
    audit = photos.audit({**K5, "K7": "K5"})
    assert audit["kind"].tolist() == ["conflict", "conflict"]
    assert audit["photo_id"].tolist() == names
    assert audit["detail"].tolist() == [f"looks like {names[1]}", f"looks like {names[0]}"]
    assert set(audit["action"]) == {"kept in one fold; its label does not count"}


def test_near_duplicates_across_classes(photos):
    for name in ("K5", "K7"):
        photos.add(name, 7)
    audit = photos.audit({**K5, "K7": "K7"})
    across = audit[audit["kind"] == "near-duplicate across classes"]
    assert across["class_name"].tolist() == ["K5", "K7"]
    assert across["group"].tolist() == [7, 7]
    assert set(across["action"]) == {"kept in one fold; its label counts"}


def test_names_of_one_effective_class_are_no_two_classes(photos):
    for name in ("K5", "케이5"):
        photos.add(name, 7)
    audit = photos.audit({**K5, "케이5": "K5"})
    assert audit["kind"].tolist() == ["near-duplicate", "near-duplicate"]


def test_groups_stand_together_and_name_few_of_many(photos):
    for group in (7, 8, 7, 8, 7, 7):
        photos.add(group=group)
    audit = photos.audit(K5)
    assert audit["group"].tolist() == [7, 7, 7, 7, 8, 8]
    assert audit["detail"][0].endswith("and 1 more")


def test_classes_without_or_with_few_photos(photos):
    photos.add("K7")
    classes = {**K5, "K7": "K7", "K9": "K9", "케이나인": "K9", "케이5": "K5"}
    audit = photos.audit(classes)
    assert audit[["kind", "class_name"]].to_numpy().tolist() == [
        ["empty class", "K9"],
        ["few photos", "K7"],
    ]


def test_photos_whose_label_does_not_count_do_not_fill_a_class(photos):
    for _ in range(3):
        photos.add("K7", 7, conflict=True)
    audit = photos.audit({**K5, "K7": "K7"})
    assert audit.loc[audit["kind"] == "empty class", "class_name"].tolist() == ["K7"]


def test_tiny_and_grey_photos_of_both_splits(photos):
    photos.add(width=63)
    photos.add(None, saturation=0.001)
    audit = photos.audit(K5)
    assert audit["kind"].tolist() == ["tiny photo", "grey photo"]
    assert audit["detail"].tolist() == ["63 x 437 pixels", "saturation 0.001"]


def test_notes_of_the_scan_are_findings(photos):
    audit = photos.audit(K5, ("an odd table.",), ("files that are no photos: 1 ('a.txt').",))
    assert audit["kind"].tolist() == ["left out", "warning"]
    assert audit["detail"].tolist() == ["files that are no photos: 1 ('a.txt').", "an odd table."]


@pytest.mark.parametrize(
    ("change", "detail", "action"),
    [
        ({"verdict": "keep"}, "verdict: keep", "its label counts"),
        ({"verdict": "drop", "counts": False}, "verdict: drop", "its label does not count"),
        (
            {"verdict": "not a car", "counts": False},
            "verdict: not a car",
            "its label does not count",
        ),
        ({"verdict": "relabel", "labelled": "K7"}, "verdict: relabel, was K7", "its label counts"),
        (
            {"verdict": "keep", "status": "unreadable", "reason": "damaged"},
            "verdict: keep",
            "left out of training",
        ),
    ],
)
def test_what_became_of_a_reviewed_photo(photos, change, detail, action):
    name = photos.add(**change)
    audit = photos.audit(K5)
    (finding,) = audit[audit["kind"] == "reviewed"].to_dict("records")
    assert (finding["photo_id"], finding["class_name"]) == (name, "K5")
    assert (finding["detail"], finding["action"]) == (detail, action)


def test_the_most_serious_comes_first(photos):
    photos.add(saturation=0)
    photos.add(group=7)
    photos.add(group=7)
    photos.add("K7", 8)
    photos.add("K5", 8)
    photos.add(verdict="keep")
    photos.add(status="missing", reason="gone")
    photos.add(status="unreadable", reason="damaged")
    kinds = photos.audit({**K5, "K7": "K7"}, ("careful",))["kind"]
    positions = kinds.map(KINDS.index)
    assert positions.is_monotonic_increasing
    assert positions.nunique() == 8
