"""The configuration as Kedro sees it: names, types, catalog entries, environments."""

import shutil
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from inspect import signature
from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import MemoryDataset
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from chajong.configuration import LOADER_ARGUMENTS, MembersConfigLoader
from chajong.members.cards.weights import published_weights
from chajong.members.configuration import MemberError, read_members
from chajong.parameters import ParameterError, RunSettings
from chajong.run_parameters import RunParameters
from chajong.slip import SlipError

PROJECT = Path(__file__).parents[2]
TYPES = {
    name: field.annotation
    for name, field in RunParameters.model_fields.items()
    if name not in RunSettings.model_fields
}
ENVIRONMENTS = ("base", "quick", "cpu", "gpu24", "gpu80", "writeup", "small_clip")
ON_DEMAND = ("inference", "search")
IN_MEMORY = {"encoder", "model", "training"}
"""What of a member stays in memory, without an entry of the catalog."""


pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def catalog(project):
    """The catalog of a session with the members of the sample, which the pipelines then have."""
    with KedroSession.create(PROJECT) as session:
        yield session.load_context().catalog


@pytest.fixture
def members(catalog):
    return read_members(loader_of(PROJECT / "conf", "base")["parameters"])


def all_pipelines():
    return dict(pipelines)


def test_the_default_run_leaves_out_what_runs_on_demand():
    registered = all_pipelines()
    default = {node.name for node in registered["__default__"].nodes}
    for name in ON_DEMAND:
        assert default.isdisjoint(node.name for node in registered[name].nodes)
    for name in registered.keys() - {"__default__", *ON_DEMAND}:
        assert default.issuperset(node.name for node in registered[name].nodes)


def test_nodes_can_be_picked_by_tag(members):
    default = pipelines["__default__"]
    for member in members:
        of_member = default.only_nodes_with_tags(member.name)
        of_kind = default.only_nodes_with_tags(member.kind.name)
        assert {step.name for step in member.steps} <= {node.short_name for node in of_member.nodes}
        assert set(of_member.only_nodes_with_namespaces([member.name]).nodes) <= set(of_kind.nodes)
        assert member.kind.pipeline in of_member.nodes[0].tags
    predicting = default.only_nodes_with_tags("predict").nodes
    assert {node.namespace for node in predicting} == {
        member.name for member in members if "predict" in [step.name for step in member.steps]
    }
    assert default.only_nodes_with_tags("reporting").nodes == pipelines["reporting"].nodes


def test_every_parameter_is_typed(members):
    registered = all_pipelines()
    asked_for = {
        name.removeprefix("params:")
        for pipeline in registered.values()
        for name in pipeline.inputs()
        if name.startswith("params:")
    }
    wanted = TYPES | {member.name: type(member.parameters) for member in members}
    assert TypeExtractor(registered).extract_types_from_pipelines() == wanted
    assert asked_for == set(wanted)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_valid_parameters(environment):
    parameters = loader_of(PROJECT / "conf", environment)["parameters"]
    assert read_members(parameters)
    for name, model in TYPES.items():
        model.model_validate(parameters[name])


@pytest.mark.parametrize("environment", ["quick", "cpu", "gpu24", "gpu80", "writeup"])
def test_real_photos_get_more_folds_than_the_sample(environment):
    sample, real = (
        loader_of(PROJECT / "conf", name)["parameters"]["data_processing"]["folds"]
        for name in ("base", environment)
    )
    assert (sample, real) == (4, 5)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_one_seed_reaches_everything(environment):
    loader = loader_of(PROJECT / "conf", environment)
    assert set(seeds(loader["parameters"]).values()) == {loader["globals"]["seed"]}


def test_an_environment_with_members_of_its_own_has_none_of_the_base():
    base, photos = (
        {member.name for member in read_members(loader_of(PROJECT / "conf", name)["parameters"])}
        for name in ("base", "cpu")
    )
    assert photos == {"hog", "clip_frozen"}
    assert base > photos


class TestOnesOwn:
    @pytest.fixture
    def own(self, tmp_path):
        """Write files of an environment, and read it."""
        configuration = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
        (configuration / "own").mkdir()

        def read(files, **given):
            for name, text in files.items():
                (configuration / "own" / name).write_text(text, encoding="utf-8")
            return loader_of(configuration, "own", **given)["parameters"]

        return read

    def test_parameters_change_a_member_of_the_base_and_add_one(self, own):
        eva = "eva: {kind: backbone, model: {model: eva02, weights: random}}"
        parameters = own({"parameters.yml": f"backbone: {{training: {{epochs: 9}}}}\n{eva}"})
        members = {member.name: member.parameters for member in read_members(parameters)}
        assert members["backbone"].training.epochs == 9
        assert members["backbone"].model.model == "regnetx_002"
        assert members["eva"].model.model == "eva02"
        assert members["hog"]

    def test_the_command_line_reaches_a_member_and_takes_one_away(self, own):
        text = "a: {kind: frozen}\nb: {kind: frozen}\n차: {kind: frozen}"
        parameters = own({"members.yml": text}, b=None, 차={"heads": {"kinds": ["prototypes"]}})
        members = {member.name: member.parameters for member in read_members(parameters)}
        assert list(members) == ["a", "차"]
        assert members["차"].heads.kinds == ("prototypes",)

    def test_members_can_lie_in_several_files(self, own):
        files = {"members_frozen.yml": "a: {kind: frozen}", "members_more.yml": "b: {kind: frozen}"}
        assert [member.name for member in read_members(own(files))] == ["a", "b"]

    @pytest.mark.parametrize(
        ("files", "told"),
        [
            (
                {"parameters.yml": "search: {index: {clusterss: 3}}"},
                "search.index.clusterss: there",
            ),
            (
                {"parameters.yml": "raw_dir: photos"},
                "raw_dir in parameters.yml would be read by no",
            ),
            ({"members.yml": "raw_dir: photos\na: {kind: frozen}"}, "would be read by nobody"),
            ({"globals.yml": "raw_dirr: photos"}, "globals.yml .*\n.*mean raw_dir"),
            ({"globals.yml": "group_minutes: five"}, "group_minutes: .*given: 'five'"),
            ({"members.yml": "shared: {bakcbone: {}}\na: {kind: frozen}"}, "did you mean backbone"),
            (
                {"members.yml": "shared: {vlm: {modell: {}}}\na: {kind: frozen}"},
                "shared.vlm.modell",
            ),
            (
                {"parameters.yml": "search:\n\ttop_k: 3"},
                r"own/parameters.yml, line 2, column 1: .*\\t",
            ),
            ({"parameters.yml": "search: {encoder: '${globals:no}'}"}, "cannot be read: .*no"),
        ],
    )
    def test_what_nobody_reads_is_refused_wherever_it_stands(self, own, files, told):
        with pytest.raises(SlipError, match=told):
            own(files)

    def test_an_unknown_member_cannot_be_taken_away(self, own):
        with pytest.raises(ParameterError, match=r"vml=null: .*did you mean vlm"):
            own({}, vml=None)

    @pytest.mark.parametrize(
        "files",
        [
            {"members.yml": "a: {kind: frozen}\na: {kind: frozen}"},
            {"members_1.yml": "a: {kind: frozen}", "members_2.yml": "a: {kind: frozen}"},
        ],
    )
    def test_a_name_used_twice_is_refused(self, own, files):
        with pytest.raises(Exception, match=r"(?i)duplicate"):
            own(files)


def test_a_seed_on_the_command_line_reaches_everything():
    found = seeds(loader_of(PROJECT / "conf", "gpu24", seed=7)["parameters"])
    assert {"clip.training.seed", "dinov2.encoder.seed", "vlm.model.seed"} <= found.keys()
    assert set(found.values()) == {7}


def test_a_folder_that_holds_no_configuration_is_told(tmp_path):
    with pytest.raises(ParameterError, match=f"{tmp_path} holds no configuration"):
        loader_of(tmp_path, None)


def loader_of(configuration, environment, **given):
    arguments = LOADER_ARGUMENTS | {"env": environment, "runtime_params": given}
    return MembersConfigLoader(str(configuration), **arguments)


def seeds(parameters):
    found = {}
    for name, model in TYPES.items():
        collect_seeds(model.model_validate(parameters[name]), name, found)
    for member in read_members(parameters):
        collect_seeds(member.parameters, member.name, found)
    return found


def collect_seeds(parameters, place, found):
    for name in type(parameters).model_fields:
        value = getattr(parameters, name)
        if name == "seed":
            found[f"{place}.seed"] = value
        elif isinstance(value, BaseModel):
            collect_seeds(value, f"{place}.{name}", found)


@pytest.mark.parametrize("environment", ["quick", "cpu", "gpu24", "gpu80", "writeup"])
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
    """Find the models that come from the hub, and the revision that each is taken at."""
    if not isinstance(parameters, dict):
        return
    weights = parameters.get("weights", "hub")
    if "model" in parameters and isinstance(parameters["model"], str) and "/" not in weights[1:]:
        yield (parameters["model"], weights), parameters.get("revision")
    if "name_model" in parameters:
        yield (parameters["name_model"], "hub"), parameters.get("name_revision")
    for value in parameters.values():
        yield from published_models(value)


def test_every_dataset_is_in_the_catalog_or_meant_to_stay_in_memory(catalog, members):
    datasets = all_pipelines()["__default__"].datasets()
    absent = {
        name for name in datasets if not name.startswith("param") and catalog.get(name) is None
    }
    small = {
        "reporting.histories",
        "reporting.car_likeness_of_members",
        "ensemble.metrics_of_members",
        "ensemble.absent_members",
        "data_processing.photo_listing",
        "data_processing.encoder",
    }
    names = {member.name for member in members}
    assert all(name.rpartition(".")[2] in IN_MEMORY for name in absent - small)
    assert {name.rpartition(".")[0] for name in absent - small} <= names


def test_kedro_viz_previews_every_chart_picture_and_table_of_a_member(catalog, members):
    shown = {
        "history": "TablePreview",
        "metrics": "JSONPreview",
        "training_chart": "PlotlyPreview",
        "training_photos": "ImagePreview",
    }
    for member in members:
        for name in set(member.outputs) & set(shown):
            dataset = catalog[f"{member.name}.{name}"]
            assert signature(dataset.preview).return_annotation == shown[name]


def test_every_file_has_a_layer(catalog):
    for name in all_pipelines()["__default__"].datasets():
        found = None if name.startswith("param") else catalog.get(name)
        if found is not None and not isinstance(found, MemoryDataset):
            assert found.metadata["kedro-viz"]["layer"], name


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


def test_every_member_is_read_by_the_ensemble(members):
    inputs = all_pipelines()["ensembling"].inputs()
    assert {f"{member.name}.predictions" for member in members} <= inputs


def test_each_member_is_one_namespace(members):
    namespaces = {node.namespace for node in all_pipelines()["__default__"].nodes}
    others = {"data_processing", "ensemble", "reporting"}
    assert namespaces == {member.name for member in members} | others


REGISTRY = f"""
import sys
from pathlib import Path
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path({str(PROJECT)!r}))
from chajong import configuration
from kedro.framework.project import pipelines

read, count = configuration._parameters_of, []
configuration._parameters_of = lambda *given: count.append(given) or read(*given)
list(pipelines)
heavy = {{
    "pandas", "pyarrow", "scipy", "torch", "sklearn", "skimage", "plotly", "matplotlib",
    "transformers", "timm",
}}
print(len(count), sorted(heavy & set(sys.modules)))
"""


def test_registering_pipelines_imports_nothing_heavy_and_reads_the_configuration_once():
    done = subprocess.run(
        [sys.executable, "-c", REGISTRY], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "1 []"


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
    assert f"log          {tmp_path}/08_reporting/run.log" in done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert told[0] == "[ 1/14] data processing: check encoder"
    assert len(told) == 14
    assert "INFO" not in done.stdout
    log = (tmp_path / "08_reporting" / "run.log").read_text("utf-8")
    assert "kedro.io.data_catalog: Saving data to folds" in log
    assert (tmp_path / "03_primary" / "folds.parquet").is_file()
    assert not (tmp_path / "07_model_output").exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--env", "gpu42"], "'gpu42' (did you mean gpu24 or gpu80?)"),
        (["--pipelines", "data_procesing"], "(did you mean data_processing?). There are clip_trai"),
        (["--pipelines", "feature_extraction", "--namespaces", "hogg"], "(did you mean hog?)"),
        (["--to-outputs", "hog.prediction"], "did you mean hog.predictions"),
        (
            ["--namespaces", "hog", "--tags", "clip"],
            "--tags clip --namespaces hog: no step is left",
        ),
        (
            ["--from-inputs", "ensemble.submission", "--to-outputs", "photos"],
            "--from-inputs ensemble.submission --to-outputs photos: no step is left",
        ),
        (["--load-versions", "photo:2020"], "did you mean photos"),
        (["--runner-params", "is_asynk=true"], "no such setting (did you mean is_async?)"),
        (["--pipelines", "search", "--pipeline", "search"], "cannot be used together"),
        (["--pipelines", "ensembling"], "first run `kedro run --pipelines data_processing`"),
        (
            ["--pipelines", "data_processing", "--params", "search.topk=3"],
            "search.topk: there is no",
        ),
    ],
)
def test_a_slip_is_answered_without_a_traceback(typed, told, tmp_path):
    if "--params" not in typed:
        typed = [*typed, "--params", f"data_dir={tmp_path}"]
    done = kedro("run", *typed)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) <= 3
    assert not [path for path in tmp_path.rglob("*") if not path.name.startswith(".")]


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"search": {"index": {"kindd": "flat"}}}, "search.index.kindd"),
        ({"data_processing": {"flods": 3}}, "flods"),
        ({"hog": {"encoder": {"widht": 64}}}, "widht"),
        ({"ensembling": {"top_kk": 3}}, "top_kk"),
        ({"raw_dirr": "photos"}, "did you mean raw_dir"),
        ({"hogg": {"heads": {}}}, "'hogg' is no member"),
        ({"fusion": {"kind": "fusion", "start": "hog"}}, "a member of kind 'frozen'"),
    ],
)
def test_an_unknown_parameter_stops_the_run_before_any_node(
    block, name, rendered, tmp_path, run_pipelines
):
    with pytest.raises(Exception, match=name):
        run_pipelines(rendered, tmp_path, **block)
    assert not list(tmp_path.rglob("*.*"))


def test_nobody_to_leave_out_stops_the_run_before_photos_are_read(
    rendered, tmp_path, run_pipelines
):
    with pytest.raises(MemberError, match="did you mean hog"):
        run_pipelines(rendered, tmp_path, ensembling={"leave_out": ["hogg"]})
    assert not (tmp_path / "03_primary" / "photos.parquet").exists()
