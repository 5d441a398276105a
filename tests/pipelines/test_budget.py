"""A run in so many minutes: what it tells is what runs."""

import shlex

import click
import pytest
from kedro.framework.session import KedroSession

from chajong.cli import typed_parameters
from chajong.configuration import SESSION
from chajong.members.trained.kind import TrainedKind

SHORT = "The same without a budget: --params "
PIPELINES = ("data_processing", "feature_extraction")


def members_of(project, **given):
    with KedroSession.create(project, runtime_params=given) as session:
        session.load_context()
        return {member.name: member.parameters for member in SESSION.members}, SESSION.left_out


@pytest.fixture
def given(quick_parameters, rendered, tmp_path):
    """The sample's histograms, backbone and fusion, in a folder of their own."""
    others = {name: None for name in quick_parameters if name not in ("hog", "backbone", "fusion")}
    hog = {"hog": quick_parameters["hog"]}
    return {"raw_dir": str(rendered), "data_dir": str(tmp_path), **others, **hog}


def test_what_a_run_tells_is_what_runs(
    project, given, run_pipelines, rendered, tmp_path, capsys, monkeypatch
):
    # An epoch of 80 photos in each of 4 folds does not fit into 15 minutes, in two folds it does.
    speeds = {"learning": 2.4, "looking": 0.0, "starting": 0.0}
    monkeypatch.setattr(TrainedKind, "speeds", lambda *_: speeds)
    monkeypatch.setattr("psutil.getloadavg", lambda: (0.0, 0.0, 0.0))
    two_folds = {"training": {"folds": [0, 1]}}
    monkeypatch.setattr(TrainedKind, "sizes", lambda *_: [{}, two_folds])
    extra = {"backbone": {"model": {"drop_path": 0.0}}, "fusion": {"training": {"epochs": 40}}}
    run_pipelines(rendered, tmp_path, *PIPELINES, **extra, minutes=15)
    told = capsys.readouterr().out
    line = next(each for each in told.splitlines() if each.startswith(SHORT))
    read = typed_parameters(
        click.Context(click.Command("run")), None, shlex.split(line.removeprefix(SHORT))[0]
    )
    assert read["fusion"] is None
    assert "hog" in told
    planned, left_out = members_of(project, **given | extra, minutes=15)
    assert planned.keys() == {"hog", "backbone"}
    assert planned["backbone"].training.folds == (0, 1)
    assert "at its least size" in left_out["fusion"]
    read["backbone"] |= extra["backbone"]
    same, _ = members_of(project, **given | read)
    assert same == planned
