"""Tables of a few dozen tiny photos, as trained members read them."""

import numpy as np
import pandas as pd
import pytest
from tiny_classifier import CLASSES, labelled_photos

from chajong.members.trained.tables import TrainingTables
from chajong.names.table import class_table

NAMES = {
    "라브4_4세대_2013_2018": "라브4_4세대_2013_2018",
    "아이오닉5_2021_2024": "아이오닉5_2021_2024",
    "RAV4_2016_2018": "라브4_4세대_2013_2018",
    "K5_3세대_2020_2023": "K5_3세대_2020_2023",
}


@pytest.fixture(scope="session")
def make_tables():
    """Return a maker of tables: every class in every fold, and in the slice (-1)."""

    def make(folder, count=36, fold_count=2, in_slice=6, in_test=3, names=NAMES):
        folder.mkdir(parents=True, exist_ok=True)
        drawn = labelled_photos(folder, count + in_test)
        classes = class_table(names)
        effective = classes["effective_class"].drop_duplicates().to_numpy()
        photos = pd.DataFrame(
            {
                "photo_id": [*drawn.photo_ids[:count], *(f"TEST_{n}" for n in range(in_test))],
                "sha256": drawn.contents,
                "split": ["train"] * count + ["test"] * in_test,
                "status": "ok",
                "class_name": [*effective[drawn.labels[:count]], *[None] * in_test],
            }
        )
        unreadable = pd.DataFrame(
            {
                "photo_id": ["train/0/cut off.jpg", "TEST_CUT_OFF"],
                "sha256": None,
                "split": ["train", "test"],
                "status": "unreadable",
                "class_name": [effective[0], None],
            }
        )
        folds = np.arange(count) // CLASSES % fold_count
        folds[count - in_slice :] = -1
        table = pd.DataFrame(
            {
                "photo_id": photos["photo_id"][:count],
                "group": np.arange(count),
                "fold": folds,
                "label_counts": np.arange(count) != 4,
                "encoder": "",
            }
        )
        photos = pd.concat([unreadable[:1], photos, unreadable[1:]], ignore_index=True)
        return TrainingTables(photos, classes, table, drawn.store)

    return make


@pytest.fixture(scope="session")
def relabelled():
    """Return what moves every label of some photos on to the next effective class."""

    def make(tables, photo_ids):
        names = list(tables.class_names)
        photos = tables.photos.copy()
        chosen = photos["photo_id"].isin(photo_ids)
        moved = dict(zip(names, np.roll(names, -1), strict=True))
        photos.loc[chosen, "class_name"] = photos.loc[chosen, "class_name"].map(moved)
        return TrainingTables(photos, tables.classes, tables.folds, tables.store)

    return make
