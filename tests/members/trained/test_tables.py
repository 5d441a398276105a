import numpy as np
import pytest

from chajong.predictions.contract import ROW_COLUMNS


@pytest.fixture
def tables(make_tables, tmp_path):
    return make_tables(tmp_path, fold_count=3)


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_the_rows_of_a_fold_are_those_of_an_obvious_loop(tables, fold):
    own, in_slice, test = [], [], []
    for photo in tables.folds.itertuples():
        if photo.fold == fold:
            own.append((photo.photo_id, "train", fold, photo.label_counts))
        elif photo.fold == -1:
            in_slice.append((photo.photo_id, "calibration", fold, photo.label_counts))
    for photo in tables.photos.itertuples():
        if photo.split == "test" and photo.status == "ok":
            test.append((photo.photo_id, "test", fold, False))  # noqa: PERF401
    given = tables.rows_of_fold(fold)
    assert tuple(given.columns) == ROW_COLUMNS
    assert list(given.itertuples(index=False, name=None)) == own + in_slice + test


@pytest.mark.parametrize("lacking", ["test", "calibration"])
def test_rows_keep_their_types_where_a_split_is_empty(make_tables, tmp_path, lacking):
    tables = make_tables(
        tmp_path,
        in_test=0 if lacking == "test" else 3,
        in_slice=0 if lacking == "calibration" else 6,
    )
    rows = tables.rows_of_fold(0)
    assert lacking not in set(rows["split"])
    assert rows["fold"].dtype == np.int64
    assert rows["label_counts"].dtype == bool


def test_train_photos_are_readable_and_in_the_order_of_folds(tables):
    photos = tables.train_photos()
    assert photos.photo_ids == tuple(tables.folds["photo_id"])
    by_id = tables.photos.set_index("photo_id")
    effective = dict(zip(tables.classes["name"], tables.classes["effective_class"], strict=True))
    for name, content, label in zip(photos.photo_ids, photos.contents, photos.labels, strict=True):
        assert content == by_id.loc[name, "sha256"]
        assert tables.class_names[label] == effective[by_id.loc[name, "class_name"]]


def test_an_alias_counts_as_the_class_that_it_belongs_to(tables):
    first = tables.folds["photo_id"][0]
    [before] = tables.labels_of([first])
    assert tables.class_names[before] == "라브4_4세대_2013_2018"
    tables.photos.loc[tables.photos["photo_id"] == first, "class_name"] = "RAV4_2016_2018"
    assert tables.labels_of([first]).tolist() == [before]


def test_contents_come_in_the_order_asked_for(tables):
    ids = tables.folds["photo_id"][[5, 1, 3]]
    by_id = dict(zip(tables.photos["photo_id"], tables.photos["sha256"], strict=True))
    assert tables.contents_of(ids) == [by_id[name] for name in ids]
