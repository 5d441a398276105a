"""The configuration as Kedro sees it: names, types, catalog entries, environments."""

import shutil
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from chajong.pipelines.clip_training.params import ClipMemberParameters, ZeroShotParameters
from chajong.pipelines.feature_extraction.params import (
    ConcatenationParameters,
    EncoderMemberParameters,
)
from chajong.pipelines.fusion_training.params import (
    BackboneMemberParameters,
    FusionMemberParameters,
)
from chajong.pipelines.sample_photos.params import SamplePhotosParameters
from chajong.pipelines.small_clip.params import SmallClipPipelineParameters
from chajong.pipelines.vlm_finetune.params import VlmMemberParameters
from chajong.predictions.members import FROZEN_MEMBERS, MEMBERS
from kedro.config import OmegaConfigLoader
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from chajong.members.cards.weights import published_weights
from chajong.pipelines.data_processing.params import DataProcessingParameters
from chajong.pipelines.ensembling.params import EnsemblingParameters
from chajong.pipelines.inference.params import InferenceParameters
from chajong.pipelines.reporting.params import ReportingParameters
from chajong.pipelines.search.params import SearchParameters
from chajong.settings import CONFIG_LOADER_ARGS

PROJECT = Path(__file__).parents[2]
TYPES = {
    "data_processing": DataProcessingParameters,
    **dict.fromkeys(FROZEN_MEMBERS, EncoderMemberParameters),
    "concat": ConcatenationParameters,
    "clip": ClipMemberParameters,
    "clip_zero_shot": ZeroShotParameters,
    "backbone": BackboneMemberParameters,
    "fusion": FusionMemberParameters,
    "vlm": VlmMemberParameters,
    "reporting": ReportingParameters,
    "ensembling": EnsemblingParameters,
    "inference": InferenceParameters,
    "sample_photos": SamplePhotosParameters,
    "search": SearchParameters,
    "small_clip": SmallClipPipelineParameters,
}
TRAINED_MEMBERS = ("clip", "backbone", "fusion", "vlm")
ON_DEMAND = ("inference", "sample_photos", "search", "small_clip", "tiny_vlm")
IN_MEMORY = {f"{member}.encoder" for member in FROZEN_MEMBERS} | {
    f"{member}.{dataset}" for member in TRAINED_MEMBERS for dataset in ("model", "training")
}
IN_MEMORY |= {"clip_zero_shot.model"}


pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture(scope="module")
def catalog(project):
    with KedroSession.create(PROJECT) as session:
        yield session.load_context().catalog


def all_pipelines():
    return dict(pipelines)


def test_the_default_run_leaves_out_what_runs_on_demand():
    registered = all_pipelines()
    default = {node.name for node in registered["__default__"].nodes}
    for name in ON_DEMAND:
        assert default.isdisjoint(node.name for node in registered[name].nodes)
    for name in registered.keys() - {"__default__", *ON_DEMAND}:
        assert default.issuperset(node.name for node in registered[name].nodes)


def test_every_parameter_is_typed():
    registered = all_pipelines()
    asked_for = {
        name.removeprefix("params:")
        for pipeline in registered.values()
        for name in pipeline.inputs()
        if name.startswith("params:")
    }
    assert TypeExtractor(registered).extract_types_from_pipelines() == TYPES
    assert asked_for == set(TYPES)


@pytest.mark.parametrize(
    "environment", ["base", "photos", "gpu24", "gpu80", "writeup", "small_clip"]
)
def test_every_environment_has_valid_parameters(environment):
    loader = OmegaConfigLoader(
        str(PROJECT / "conf"), **(CONFIG_LOADER_ARGS | {"default_run_env": environment})
    )
    parameters = loader["parameters"]
    for name, model in TYPES.items():
        model.model_validate(parameters[name])


@pytest.mark.parametrize(
    "environment", ["base", "photos", "gpu24", "gpu80", "writeup", "small_clip"]
)
def test_one_seed_reaches_everything(environment):
    loader = loader_of(PROJECT / "conf", environment)
    assert set(seeds(loader["parameters"]).values()) == {loader["globals"]["seed"]}


def test_a_seed_on_the_command_line_reaches_everything():
    found = seeds(loader_of(PROJECT / "conf", "gpu24", seed=7)["parameters"])
    assert {"clip.training.seed", "timm_frozen.encoder.seed", "vlm.model.seed"} <= found.keys()
    assert set(found.values()) == {7}


def test_a_block_of_ones_own_need_not_name_the_seed(tmp_path):
    configuration = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    (configuration / "own").mkdir()
    (configuration / "own" / "globals.yml").write_text("{seed: 5, raw_dir: a, data_dir: b}")
    (configuration / "own" / "parameters.yml").write_text(
        "timm_frozen: {encoder: {library: timm, model: test_resnet, weights: random}}\n"
        "clip: {training: {epochs: 2}, model: {seed: 11}}\n"
        "fusion: {seed: 12}\n"
    )
    found = seeds(loader_of(configuration, "own")["parameters"])
    assert found["timm_frozen.encoder.seed"] == found["clip.training.seed"] == 5
    assert found["clip.model.seed"] == 11
    assert found["fusion.model.seed"] == found["fusion.training.seed"] == 12


def loader_of(configuration, environment, **given):
    arguments = CONFIG_LOADER_ARGS | {"default_run_env": environment, "runtime_params": given}
    return OmegaConfigLoader(str(configuration), **arguments)


def seeds(parameters):
    found = {}
    for name, model in TYPES.items():
        collect_seeds(model.model_validate(parameters[name]), name, found)
    return found


def collect_seeds(parameters, place, found):
    for name in type(parameters).model_fields:
        value = getattr(parameters, name)
        if name == "seed":
            found[f"{place}.seed"] = value
        elif isinstance(value, BaseModel):
            collect_seeds(value, f"{place}.{name}", found)


@pytest.mark.parametrize("environment", ["photos", "gpu24", "gpu80", "writeup"])
def test_published_models_are_pinned_to_the_commits_of_the_table(environment):
    table = published_weights()
    parameters = loader_of(PROJECT / "conf", environment)["parameters"]
    found = dict(published_models(parameters))
    assert found
    for (model, weights), revision in found.items():
        (row,) = table[(table["model"] == model) & (table["weights"] == weights)].to_dict("records")
        # A model whose commit no public source shows is taken from its main branch.
        assert revision == (row["revision"] or None), model


def published_models(parameters):
    """Find the enabled models that come from the hub, and the revision that each is taken at."""
    if not isinstance(parameters, dict) or parameters.get("enabled") is False:
        return
    weights = parameters.get("weights", "hub")
    if "model" in parameters and isinstance(parameters["model"], str) and "/" not in weights[1:]:
        yield (parameters["model"], weights), parameters.get("revision")
    if "name_model" in parameters:
        yield (parameters["name_model"], "hub"), parameters.get("name_revision")
    for value in parameters.values():
        yield from published_models(value)


def test_every_dataset_is_in_the_catalog_or_meant_to_stay_in_memory(catalog):
    datasets = all_pipelines()["__default__"].datasets()
    absent = {
        name for name in datasets if not name.startswith("param") and catalog.get(name) is None
    }
    assert absent == IN_MEMORY


def test_every_file_has_a_layer(catalog):
    kept = {"members", "pooled", "refined", "answers", "vlm.hints", "served"} | {
        f"{member}.fold_weights" for member in TRAINED_MEMBERS
    }
    kept |= {"collected_members", "checkpoints", "frozen_features"}
    datasets = all_pipelines()["__default__"].datasets() - IN_MEMORY - kept
    for name in datasets:
        if not name.startswith("param"):
            assert catalog.get(name).metadata["kedro-viz"]["layer"], name


@pytest.mark.parametrize("name", ["__default__", "vlm_finetune", "inference", "search"])
def test_the_layers_are_no_circle(catalog, name):
    """Kedro-Viz draws no layers at all where they are."""
    above = defaultdict(set)
    follows = defaultdict(set)
    for node in all_pipelines()[name].nodes:
        before = {layer for dataset in node.inputs for layer in above[dataset]}
        for dataset in [*node.inputs, *node.outputs]:
            layer = layer_of(catalog, dataset)
            if dataset in node.outputs:
                above[dataset] = {layer} if layer else before
                follows[layer] |= before - {layer}
            elif layer:
                above[dataset] = {layer}
                before.add(layer)
    follows.pop(None, None)
    assert len(tuple(TopologicalSorter(follows).static_order())) >= 3


def layer_of(catalog, dataset):
    found = None if dataset.startswith("param") else catalog.get(dataset)
    return ((getattr(found, "metadata", None) or {}).get("kedro-viz") or {}).get("layer")


def test_every_member_is_read_by_the_ensemble():
    inputs = all_pipelines()["ensembling"].inputs()
    assert {f"{member}.predictions" for member in MEMBERS} <= inputs


def test_registering_pipelines_imports_nothing_heavy():
    script = (
        "import sys; from pathlib import Path;"
        "from kedro.framework.startup import bootstrap_project;"
        f"bootstrap_project(Path({str(PROJECT)!r}));"
        "from kedro.framework.project import pipelines; list(pipelines);"
        "heavy = {'torch', 'sklearn', 'skimage', 'plotly', 'matplotlib', 'transformers', 'timm'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def kedro(*arguments):
    command = [sys.executable, "-m", "kedro", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_registry_is_listed():
    done = kedro("registry", "list")
    assert done.returncode == 0, done.stderr
    for name in ("__default__", "data_processing", "feature_extraction", "ensembling"):
        assert f"- {name}" in done.stdout


@pytest.mark.parametrize("option", ["--pipelines", "--pipeline"])
def test_a_pipeline_runs_from_the_command_line(option, rendered, tmp_path):
    parameters = f"raw_dir={rendered},data_dir={tmp_path}"
    done = kedro("run", option, "data_processing", "--params", parameters)
    assert done.returncode == 0, done.stderr
    assert f"audit_page: {tmp_path}/08_reporting/audit.html" in done.stdout
    assert (tmp_path / "03_primary" / "folds.parquet").is_file()
    assert not (tmp_path / "07_model_output").exists()


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"data_processing": {"flods": 3}}, "flods"),
        ({"hog": {"encoder": {"widht": 64}}}, "widht"),
        ({"ensembling": {"top_kk": 3}}, "top_kk"),
    ],
)
def test_an_unknown_parameter_stops_the_run_before_any_node(
    block, name, rendered, tmp_path, run_pipelines
):
    with pytest.raises(Exception, match=name):
        run_pipelines(rendered, tmp_path, **block)
    assert not list(tmp_path.rglob("*.*"))
