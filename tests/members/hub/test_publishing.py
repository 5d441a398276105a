"""An ensemble goes to the hub and comes back, by the hub's own library."""

import shutil

import pytest
from click.testing import CliRunner
from hub_server import serve
from huggingface_hub import ModelCard, snapshot_download

from chajong.command_line import main
from chajong.inference.saved import read_ensemble


def push(*arguments):
    return CliRunner().invoke(main, ["push", *map(str, arguments)])


@pytest.fixture
def server(hub, monkeypatch):
    with serve(hub) as running:
        running.use(monkeypatch)
        yield running


def test_an_ensemble_is_uploaded_with_its_card_and_answers_from_there(
    server, saved_ensemble, tmp_path
):
    result = push("me/cars", "--ensemble", saved_ensemble)
    assert result.exit_code == 0, result.output
    assert f"{server.address}/me/cars/commit/" in result.output
    assert server.made["me/cars"]["visibility"] == "private"
    assert server.unknown == []
    folder = snapshot_download("me/cars", local_dir=tmp_path / "copy")
    sent = {path.relative_to(saved_ensemble) for path in saved_ensemble.rglob("*")}
    assert all((tmp_path / "copy" / path).exists() for path in sent)
    assert ModelCard.load(tmp_path / "copy" / "README.md").data.library_name == "chajong"
    assert read_ensemble(folder).members == read_ensemble(saved_ensemble).members


def test_it_is_public_only_where_that_is_said(server, saved_ensemble):
    assert push("me/cars", "--ensemble", saved_ensemble, "--public").exit_code == 0
    assert server.made["me/cars"]["visibility"] == "public"


def test_what_the_hub_does_not_take_is_told_with_the_fix(hub, saved_ensemble, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = push("me/cars", "--ensemble", saved_ensemble)
    assert result.exit_code == 1
    assert "hf auth login" in result.output
    result = push("no such name", "--ensemble", saved_ensemble)
    assert result.exit_code == 1
    assert "'no such name'" in result.output


def test_a_damaged_ensemble_is_not_uploaded(server, saved_ensemble, tmp_path):
    copy = shutil.copytree(saved_ensemble, tmp_path / "damaged")
    (copy / "classes.parquet").write_bytes(b"")
    result = push("me/cars", "--ensemble", copy)
    assert result.exit_code == 1
    assert "classes.parquet" in result.output
    assert not server.made
