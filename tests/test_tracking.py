"""What reaches MLflow, seen by a stand-in for its module; tests/pipelines has the real one."""

import math
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.text import TextDataset
from pydantic import BaseModel

from chajong.datasets import OptionalDataset, Skipped
from chajong.tracking import MlflowTrackingHooks

REPORTING = {"kedro-viz": {"layer": "reporting"}}


class Encoder(BaseModel):
    width: int = 32
    sizes: dict[str, int] = {"가(1)": 2}


class Member(BaseModel):
    kind: str = "clip"
    encoder: Encoder = Encoder()
    kinds: tuple[str, ...] = ("a", "b")


class StandIn:
    """Keeps what is logged, of one run."""

    def __init__(self, run_id):
        self.run = None if run_id is None else SimpleNamespace(info=SimpleNamespace(run_id=run_id))
        self.params, self.metrics, self.artifacts, self.run_ids = {}, {}, [], set()

    def active_run(self):
        return self.run

    def log_params(self, params, run_id):
        self.params |= params
        self.run_ids.add(run_id)

    def log_metrics(self, metrics, run_id):
        self.metrics |= metrics
        self.run_ids.add(run_id)

    def log_artifact(self, local_path, artifact_path, run_id):
        self.artifacts.append((local_path, artifact_path))
        self.run_ids.add(run_id)


@pytest.fixture
def catalog(tmp_path):
    def text(name, metadata=None):
        return TextDataset(filepath=str(tmp_path / name), metadata=metadata)

    sheet = {"type": "text.TextDataset", "filepath": str(tmp_path / "sheet.txt")}
    return DataCatalog(
        {
            "summary": text("summary.txt", REPORTING),
            "ensemble.submission": text("submission.csv", {"kedro-viz": {"layer": "model_output"}}),
            "top_k": text("top_k.csv"),
            "clip.sheet": OptionalDataset(dataset=sheet, metadata=REPORTING),
        }
    )


@pytest.fixture
def started(catalog, monkeypatch):
    """Start a run: the hooks, and what they log to."""

    def start(run_id="run"):
        client = StandIn(run_id)
        monkeypatch.setitem(sys.modules, "mlflow", client)
        hooks = MlflowTrackingHooks()
        hooks.before_pipeline_run(catalog)
        return hooks, client

    return start


def save(hooks, catalog, name, data):
    catalog.save(name, data)
    hooks.after_dataset_saved(name, data)


def test_parameters_are_flattened(started):
    hooks, client = started()
    hooks.before_node_run({"params:clip": Member(), "photos": object(), "params:seed": 3})
    assert client.params == {
        "clip.kind": "clip",
        "clip.encoder.width": 32,
        "clip.encoder.sizes.가_1_": 2,
        "clip.kinds": ["a", "b"],
    }


def test_figures_of_members_and_ensemble_become_metrics(started):
    hooks, client = started()
    figures = {"log_loss": 0.5, "photos": 3, "evidence": {"names": 0.1}, "key": "text"}
    hooks.after_dataset_saved("clip.metrics", figures | {"missing": None, "found": True})
    hooks.after_dataset_saved("ensemble.report", {"log_loss": 0.4, "gain": math.inf})
    hooks.after_dataset_saved("clip.other", figures)
    assert client.metrics == {
        "clip.log_loss": 0.5,
        "clip.photos": 3.0,
        "clip.evidence.names": 0.1,
        "ensemble.log_loss": 0.4,
    }


def test_figures_that_there_are_not_this_time_are_no_metrics(started):
    hooks, client = started()
    hooks.after_dataset_saved("clip.metrics", Skipped())
    assert client.metrics == {}


def test_reports_and_the_submission_become_artefacts(started, catalog, tmp_path):
    hooks, client = started()
    for name in ("summary", "ensemble.submission", "top_k", "clip.sheet"):
        save(hooks, catalog, name, "text")
    assert client.artifacts == [
        (str(tmp_path / "summary.txt"), None),
        (str(tmp_path / "submission.csv"), "ensemble"),
        (str(tmp_path / "sheet.txt"), "clip"),
    ]


def test_what_an_earlier_run_wrote_is_no_artefact(started, catalog):
    hooks, client = started()
    catalog.save("clip.sheet", "of an earlier run")
    save(hooks, catalog, "clip.sheet", Skipped())
    assert client.artifacts == []


def test_what_steps_left_that_did_not_run_is_logged_at_the_end(started, catalog, tmp_path):
    hooks, client = started()
    names = ("summary", "ensemble.submission", "clip.sheet", "clip.metrics")
    catalog["params:clip"] = MemoryDataset(Member())
    catalog["clip.metrics"] = MemoryDataset({"log_loss": 0.5})
    for name in names[:3]:
        catalog.save(name, "of an earlier run")
    save(hooks, catalog, "clip.sheet", Skipped())
    save(hooks, catalog, "summary", "text")
    node = Node(lambda _: None, inputs="params:clip", outputs=list(names), name="node")
    hooks.after_pipeline_run(Pipeline([node]), catalog)
    assert client.params["clip.encoder.width"] == 32
    assert client.metrics == {"clip.log_loss": 0.5}
    assert client.artifacts == [
        (str(tmp_path / "summary.txt"), None),
        (str(tmp_path / "submission.csv"), "ensemble"),
    ]


def test_all_goes_to_the_run_that_was_active_when_the_pipeline_started(started, catalog):
    hooks, client = started("first")
    client.run = None
    hooks.before_node_run({"params:clip": Member()})
    hooks.after_dataset_saved("clip.metrics", {"log_loss": 0.5})
    save(hooks, catalog, "summary", "text")
    assert client.run_ids == {"first"}


def test_nothing_is_logged_where_no_run_is_active(started, catalog):
    hooks, client = started(None)
    hooks.before_node_run({"params:clip": Member()})
    hooks.after_dataset_saved("clip.metrics", {"log_loss": 0.5})
    save(hooks, catalog, "summary", "text")
    assert client.run_ids == set()


def test_the_hooks_are_registered_only_with_the_extra():
    from chajong.settings import HOOKS

    registered = any(isinstance(hooks, MlflowTrackingHooks) for hooks in HOOKS)
    assert registered == (find_spec("kedro_mlflow") is not None)
