"""Several members of a kind, described in one file: trained, pooled, saved, and asked again."""

import contextlib
import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from chajong.runner import QuickStepsFirst

TEAM = """
shared:
  backbone: &short
    model: {flip: false, zoom: [1.0], prediction_batch_size: 32}
    training: &one_epoch
      epochs: 1
      batch_size: 16
      learning_rate: 0.0005
      head_learning_rate: 0.01
  fusion: {training: *one_epoch}
  clip:
    model: {library: open_clip, model: small_clip, weights: data/06_models/small_clip,
            flip: false, wise_ft_alphas: [1.0]}
    training: *one_epoch
  frozen: {heads: {kinds: [prototypes], shrinkages: [0.3]}}

hog: {kind: frozen, encoder: {library: hog, cell: 16}}
small: {kind: frozen, encoder: {library: timm, model: test_resnet, weights: random, zoom: [1.0]}}
시각: {kind: frozen, encoder: {library: timm, model: test_vit, weights: random, zoom: [1.0]}}
regnet:
  kind: backbone
  model: {model: regnetx_002, weights: data/06_models/small_clip}
  training: {epochs: 3}
names: {kind: fusion, start: byob}
clip: {kind: clip}
clip_lora: {kind: clip, model: {lora_rank: 2, freeze: [photo]}}
qwen:
  kind: vlm
  hints: {member: clip_lora, count: 2}
  model: {model: tiny_vlm, weights: data/06_models/tiny_vlm, max_pixels: 9408, candidates: 4}
  training: null
"""
SECOND_BACKBONE = """
byob: {kind: backbone, model: {model: test_byobnet, weights: random, image_size: [32, 48]}}
"""

NAMES = {"hog", "small", "시각", "regnet", "byob", "names", "clip", "clip_lora", "qwen"}


@pytest.fixture(scope="module")
def team(project, rendered, tmp_path_factory):
    """A finished run of the whole team."""
    folder = tmp_path_factory.mktemp("team")
    configuration = shutil.copytree(project / "conf", folder / "conf")
    (configuration / "team").mkdir()
    file = configuration / "team" / "members.yml"
    file.write_text(TEAM + SECOND_BACKBONE, encoding="utf-8")
    runtime = {"raw_dir": str(rendered), "data_dir": str(folder / "data")}
    runtime |= {"data_processing": {"folds": 2}}
    with (
        contextlib.redirect_stdout(io.StringIO()),
        KedroSession.create(
            project, env="team", conf_source=configuration, runtime_params=runtime
        ) as session,
    ):
        session.run(runner=QuickStepsFirst())
        graph = pipelines["__default__"]
    return folder / "data", graph


def test_every_member_leaves_what_its_kind_leaves(team):
    data, _ = team
    members = {folder.name for folder in (data / "07_model_output").iterdir()}
    assert members >= {
        "hog",
        "small",
        "시각",
        "regnet",
        "byob",
        "names",
        "clip",
        "clip_lora",
        "qwen",
    }
    for member in ("regnet", "byob", "names", "clip", "clip_lora"):
        reports = {path.name for path in (data / "08_reporting" / member).iterdir()}
        assert reports >= {"training_photos.png", "training_chart.json", "training_history.csv"}


@pytest.mark.parametrize("member", ["clip", "clip_lora", "regnet"])
def test_members_that_start_from_the_small_clip_are_ahead_of_chance(team, member):
    data, _ = team
    table = pd.read_csv(data / "08_reporting" / "leaderboard.csv").set_index("member")
    assert table.loc[member, "log_loss"] < 0.95 * np.log(9)


def test_all_that_do_not_repeat_another_are_pooled(team):
    data, _ = team
    table = pd.read_csv(data / "08_reporting" / "leaderboard.csv").set_index("member")
    statuses = table["status"].drop(["ensemble", "qwen"])
    assert set(statuses) == {"pooled"}
    assert table.loc["qwen", "status"].startswith(("pooled", "repeats clip_lora"))


def test_the_graph_shows_what_runs_and_nothing_else(team):
    _, graph = team
    own = {node.namespace for node in graph.nodes} - {"data_processing", "ensemble", "reporting"}
    assert own == NAMES
    assert "byob.checkpoint" in graph.only_nodes_with_namespaces(["names"]).inputs()
    assert "clip_lora.predictions" in graph.only_nodes_with_namespaces(["qwen"]).inputs()


def test_all_are_on_the_leaderboard_by_their_approach(team):
    data, _ = team
    table = pd.read_csv(data / "08_reporting" / "leaderboard.csv").set_index("member")
    approaches = table["approach"].to_dict()
    assert approaches["byob"] == approaches["regnet"] == "end to end"
    assert approaches["names"] == "fusion"
    assert approaches["clip_lora"] == "CLIP"
    assert approaches["qwen"] == "vision-language model"


def test_the_saved_ensemble_answers_as_the_run_did(team):
    data, _ = team
    agreement = json.loads((data / "08_reporting" / "ensemble" / "agreement.json").read_text())
    assert agreement["photos"] == 8
    assert agreement["largest_difference"] < 1e-5


def test_the_second_backbone_is_one_block(project, tmp_path):
    """Without its block the configuration is refused where it is named, and else the same."""
    configuration = shutil.copytree(project / "conf", tmp_path / "conf")
    (configuration / "team").mkdir()
    (configuration / "team" / "members.yml").write_text(TEAM, encoding="utf-8")
    with (
        pytest.raises(Exception, match=r"names\.start names 'byob', and there is no such member"),
        KedroSession.create(project, env="team", conf_source=configuration) as session,
    ):
        session.load_context()
