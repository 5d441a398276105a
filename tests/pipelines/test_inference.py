"""New photos through a Kedro session, as `kedro run --pipelines inference` answers them."""

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from tiny_predictions import align_to_photos

from chajong import CarClassifier
from chajong.inference.saved import SavedEnsembleError
from chajong.predictions.contract import split_rows


@pytest.fixture(scope="module")
def answered(finished, run_pipelines, tmp_path_factory):
    """The run's own test photos, answered as new photos; what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_pipelines(
            finished.raw,
            finished.data,
            "inference",
            hog=finished.hog,
            photos_dir=str(finished.raw / "test"),
        )
    return printed.getvalue()


@pytest.fixture(scope="module")
def table(finished, answered):
    return pd.read_parquet(finished.data / "07_model_output/new_photos/probabilities.parquet")


def by_photo(finished, table):
    """The rows of readable test photos, in the order of the run's predictions."""
    predictions = split_rows(finished.load("ensemble.predictions"), "test")
    test = finished.load("photos").query("split == 'test' and status == 'ok'")
    names = [path.rsplit("/", 1)[-1] for path in test["path"]]
    expected = align_to_photos(predictions, test["photo_id"].tolist())
    rows = table.set_index("photo").loc[names]
    return rows[list(expected.class_names)].to_numpy(), np.exp(expected.log_probabilities)


def test_pipeline_python_call_and_run_agree(finished, table):
    got, expected = by_photo(finished, table)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    called = CarClassifier.load(finished.data / "06_models/ensemble").predict(
        finished.raw / "test", top_k=99
    )
    wide = called.pivot(index="photo", columns="class_name", values="probability")
    names = [name for name in table.columns if name in wide.columns]
    np.testing.assert_allclose(
        wide.loc[table["photo"], names].to_numpy(), table[names].to_numpy(), atol=1e-5
    )


def test_the_run_itself_compared_what_it_saved(finished):
    report = json.loads((finished.data / "08_reporting/ensemble/agreement.json").read_text())
    assert report["photos"] == 8
    assert report["largest_difference"] < 1e-5


def test_the_tables_for_people_and_programs_are_the_same(finished, answered):
    folder = finished.data / "07_model_output/new_photos"
    csv = pd.read_csv(folder / "top_k.csv", encoding="utf-8-sig", keep_default_na=False)
    parquet = pd.read_parquet(folder / "top_k.parquet")
    assert (folder / "top_k.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert csv["class_name"].tolist() == parquet["class_name"].tolist()
    np.testing.assert_allclose(csv["probability"], parquet["probability"])
    assert (parquet.groupby("photo")["rank"].max() == 5).all()


def test_bad_photos_are_flagged_and_counted(finished, table, answered):
    bad = table[table["status"] != "ok"]
    unreadable = finished.load("photos").query("split == 'test' and status == 'unreadable'")
    assert len(bad) == len(unreadable) > 0
    assert (bad["reason"] != "").all()
    assert f"{len(bad)} of them could not be read" in answered
    assert "top_k.csv" in answered


def answer(finished, run_pipelines, data_dir, **parameters):
    with contextlib.redirect_stdout(io.StringIO()):
        run_pipelines(finished.raw, data_dir, "inference", hog=finished.hog, **parameters)
    return pd.read_csv(
        data_dir / "07_model_output/new_photos/top_k.csv",
        encoding="utf-8-sig",
        keep_default_na=False,
    )


def test_a_list_names_vehicles_that_get_one_answer_each(
    finished, run_pipelines, data_dir, tmp_path
):
    photos = sorted((finished.raw / "test").glob("*.jpg"))[:4]
    listing = tmp_path / "목록.csv"
    rows = pd.DataFrame({"photo": [str(photo) for photo in photos], "vehicle": list("aabb")})
    rows.to_csv(listing, index=False, encoding="utf-8-sig")
    table = answer(
        finished,
        run_pipelines,
        data_dir,
        photos_dir=str(listing),
        inference={"pool_vehicles": True, "top_k": 1},
    )
    assert table["vehicle"].tolist() == ["a", "b"]


def test_each_folder_is_a_vehicle_where_no_list_says_so(finished, run_pipelines, data_dir):
    table = answer(
        finished,
        run_pipelines,
        data_dir,
        photos_dir=str(finished.raw / "train"),
        inference={"pool_vehicles": True, "top_k": 1},
    )
    assert len(table) == len(list((finished.raw / "train").iterdir()))


def test_a_prior_from_a_file_is_used(finished, run_pipelines, data_dir, tmp_path):
    name = finished.load("classes")["effective_class"].iloc[0]
    prior = tmp_path / "prior.csv"
    pd.DataFrame({"class_name": [name], "frequency": [1]}).to_csv(prior, index=False)
    table = answer(
        finished,
        run_pipelines,
        data_dir,
        photos_dir=str(finished.raw / "test"),
        class_prior=str(prior),
        inference={"top_k": 1},
    )
    assert set(table["class_name"]) == {name}


def test_without_photos_the_command_says_what_to_give(finished, run_pipelines, data_dir):
    with pytest.raises(DatasetError, match="photos_dir=path/to/photos"):
        run_pipelines(finished.raw, data_dir, "inference", hog=finished.hog)


def test_without_an_ensemble_the_command_says_how_to_make_one(finished, run_pipelines, tmp_path):
    with pytest.raises(SavedEnsembleError, match="make one with `kedro run`"):
        run_pipelines(
            finished.raw,
            tmp_path,
            "inference",
            hog=finished.hog,
            photos_dir=str(finished.raw / "test"),
        )
