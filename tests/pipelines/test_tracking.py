"""A real run, logged by the real MLflow where the extra is installed."""

import shutil

import pytest

pytest.importorskip("kedro_mlflow")


@pytest.fixture(scope="module")
def tracked(finished, tmp_path_factory, run_pipelines):
    """The MLflow client and the run of a pooling, in a folder with Hangul and a space."""
    from mlflow import MlflowClient

    data = tmp_path_factory.mktemp("tracked") / "결과 폴더"
    shutil.copytree(finished.data, data, ignore=shutil.ignore_patterns("09_tracking"))
    run_pipelines(
        finished.raw, data, "ensembling", ensembling={"top_k": 2}, experiment="더 큰 모델"
    )
    client = MlflowClient(f"sqlite:///{data}/09_tracking/mlflow.db")
    experiment = client.get_experiment_by_name("더 큰 모델")
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def test_the_run_is_closed_and_named_after_its_pipelines(tracked):
    _, run = tracked
    assert (run.info.status, run.info.run_name) == ("FINISHED", "ensembling")


def test_parameters_have_names_of_their_own(tracked):
    _, run = tracked
    assert run.data.params["ensembling.top_k"] == "2"


def test_the_ensembles_figures_are_metrics(tracked, finished):
    _, run = tracked
    expected = finished.load("ensemble.report")["log_loss"]
    assert run.data.metrics["ensemble.log_loss"] == pytest.approx(expected)


def test_reports_and_the_submission_are_artefacts(tracked, finished):
    client, run = tracked
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"leaderboard.csv", "summary.txt", "submission.csv"} <= names
    summary = client.download_artifacts(run.info.run_id, "submission.csv")
    with open(summary, encoding="utf-8-sig") as file:  # noqa: PTH123
        assert file.readline().startswith("ID,")
