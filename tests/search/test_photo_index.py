"""An index of real features: searched, written, read back, and refused where it is damaged."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chajong.manifest import seal_folder
from chajong.search.filters import Filter, SearchError
from chajong.search.photo_index import (
    nearest_photos,
    read_photo_index,
    write_photo_index,
)


@pytest.fixture
def written(photo_index, tmp_path):
    write_photo_index(photo_index, tmp_path / "색인")
    return tmp_path / "색인"


def test_every_readable_train_photo_is_known(photo_index, small_run):
    assert photo_index.photos["photo_id"].tolist() == small_run.folds["photo_id"].tolist()
    labels = small_run.classes.set_index("name")["effective_class"]
    given = small_run.photos.set_index("photo_id").loc[photo_index.photos["photo_id"], "class_name"]
    assert photo_index.photos["class_name"].tolist() == labels.loc[given].tolist()


def test_a_photo_is_nearest_to_itself(photo_index, small_run):
    photo = photo_index.photos["photo_id"].iloc[3]
    found = nearest_photos(photo_index, small_run.features["clip_frozen"].rows([photo])[0], 5)
    sha256 = small_run.photos.set_index("photo_id").loc[photo, "sha256"]
    assert found["sha256"].iloc[0] == sha256
    assert found["distance"].iloc[0] == pytest.approx(0, abs=1e-5)
    assert found["distance"].is_monotonic_increasing


def test_a_filter_holds(photo_index):
    model = photo_index.photos["class_name"].iloc[-1]
    query = np.asarray(photo_index.vectors.vectors[0])
    found = nearest_photos(photo_index, query, 400, Filter(models=(model,)))
    assert set(found["class_name"]) == {model}
    assert len(found) == (photo_index.photos["class_name"] == model).sum()


def test_thumbnails_are_small_jpegs(photo_index):
    jpeg = photo_index.thumbnails.jpeg(photo_index.photos["sha256"].iloc[0])
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    assert max(image.size) == 96


def test_an_index_read_back_is_the_same(photo_index, written):
    read = read_photo_index(written)
    assert Path(read.encoder["weights"]).is_relative_to(written)
    assert 0 < read.limit == photo_index.limit < 2
    assert read.encoder | {"weights": ""} == photo_index.encoder | {"weights": ""}
    assert read.store_settings == photo_index.store_settings
    assert read.photos["photo_id"].tolist() == photo_index.photos["photo_id"].tolist()
    query = np.asarray(photo_index.vectors.vectors[5])
    for column in ("photo_id", "distance"):
        before, after = (nearest_photos(each, query, 9)[column] for each in (photo_index, read))
        assert before.tolist() == after.tolist()


def test_a_new_index_replaces_the_old_one(photo_index, written):
    write_photo_index(photo_index, written)
    assert len(read_photo_index(written).photos) == len(photo_index.photos)
    assert [path.name for path in written.parent.iterdir()] == ["색인"]


def test_a_folder_without_an_index_is_refused(tmp_path):
    with pytest.raises(SearchError, match="kedro run --pipelines search"):
        read_photo_index(tmp_path)


@pytest.mark.parametrize("lost", ["vectors.npy", "photos.parquet", "thumbnails.arrow"])
def test_an_index_that_lacks_a_part_is_refused(written, lost):
    (written / lost).unlink()
    with pytest.raises(SearchError, match=rf"{lost} is missing"):
        read_photo_index(written)


def test_parts_of_different_indices_are_refused(photo_index, written, tmp_path):
    text = json.loads((written / "index.json").read_text(encoding="utf-8"))
    (written / "index.json").write_text(json.dumps(text | {"photos": 3}), encoding="utf-8")
    with pytest.raises(SearchError, match=r"index\.json is damaged"):
        read_photo_index(written)
    seal_folder(written)
    with pytest.raises(SearchError, match="parts are of"):
        read_photo_index(shutil.copytree(written, tmp_path / "copy"))


@pytest.mark.parametrize("weights", ["inside:../../outside", "/etc/"])
def test_an_index_names_no_weights_outside(photo_index, tmp_path, weights):
    write_photo_index(photo_index, tmp_path / "index")
    file = tmp_path / "index" / "index.json"
    described = json.loads(file.read_text(encoding="utf-8"))
    described["encoder"]["weights"] = weights
    file.write_text(json.dumps(described), encoding="utf-8")
    seal_folder(tmp_path / "index")
    with pytest.raises(SearchError, match=r"leads out of the folder|not in it"):
        read_photo_index(tmp_path / "index")


def test_an_index_follows_no_links(photo_index, tmp_path):
    write_photo_index(photo_index, tmp_path / "index")
    file = tmp_path / "index" / "photos.parquet"
    file.rename(tmp_path / "outside")
    file.symlink_to(tmp_path / "outside")
    with pytest.raises(SearchError, match="is a link"):
        read_photo_index(tmp_path / "index")


def test_the_report_draws_the_limit_that_the_index_keeps(photo_index, small_run):
    from chajong.pipelines.reporting.nodes import draw_known_cars
    from chajong.pipelines.reporting.parameters import ReportingParameters

    table, figure = draw_known_cars(
        small_run.features, small_run.checkpoints, *small_run.tables, ReportingParameters()
    )
    assert table["limit"].tolist() == [photo_index.limit] * 2
    assert figure.layout.shapes[0].x0 == photo_index.limit
