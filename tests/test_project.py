"""A folder of photos becomes a classifier in Python, by the pipelines of `kedro run`."""

import subprocess
import sys
from pathlib import Path

import pytest

from chajong import CarClassifier, project
from chajong.slip import SlipError

NAMES = ["현대 아반떼 2021", "기아 K5 2020", "BMW 3시리즈 2019"]


@pytest.fixture(scope="module")
def my_photos(tmp_path_factory):
    from tools.rendered_cars.write import write_rendered_photos

    folder = tmp_path_factory.mktemp("내 사진") / "my_photos"
    write_rendered_photos(
        folder, NAMES, train_per_class=12, test_per_class=1, seed=1, progress=False
    )
    return folder


@pytest.mark.slow
def test_three_lines_train_and_predict(my_photos, monkeypatch):
    monkeypatch.chdir(my_photos.parent)
    cars = CarClassifier.fit("my_photos", effort="quick")
    photo = next((my_photos / "test").iterdir())
    answers = cars.predict(photo, top_k=3)
    assert set(answers["class_name"]) == set(NAMES)
    assert answers["probability"].sum() == pytest.approx(1)
    assert Path.cwd() == my_photos.parent
    results = my_photos.parent / "my_photos_results"
    assert (results / "08_reporting" / "report.html").exists()
    summary = (results / "08_reporting" / "summary.txt").read_text(encoding="utf-8")
    assert "baseline     these answers come from histograms" in summary


@pytest.mark.slow
def test_results_go_where_they_are_wanted_and_errors_are_those_of_a_run(tmp_path):
    with pytest.raises(SlipError, match="There is no folder"):
        CarClassifier.fit(tmp_path / "none", effort="quick", data_dir=tmp_path / "here")
    assert (tmp_path / "here").is_dir()
    assert not (tmp_path / "none_results").exists()


def test_a_folder_without_a_project_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "__file__", str(tmp_path / "chajong" / "project.py"))
    with pytest.raises(project.ProjectError, match="is in no project"):
        project.project_folder()


def test_the_import_is_cheap():
    program = "import sys; from chajong import CarClassifier; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"torch", "kedro", "timm", "transformers"} & set(done.stdout.split())
