"""Who may ask, and what the command refuses before it starts."""

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from chajong.app.settings import AppSettings
from chajong.command_line import main


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.5"])
def test_loopback_needs_no_login(host):
    assert AppSettings(host=host).on_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.4", "example.org", "::"])
def test_other_addresses_need_a_login_or_a_word(host):
    with pytest.raises(ValidationError, match="can be reached from other machines"):
        AppSettings(host=host)
    assert AppSettings(host=host, public=True)
    assert AppSettings(host=host, user="a", password="b")


def test_a_login_needs_both_parts():
    with pytest.raises(ValidationError, match="CHAJONG_APP_PASSWORD"):
        AppSettings(user="a")


def run(*options):
    return CliRunner().invoke(main, ["app", *options])


def test_the_command_refuses_to_be_open_by_accident():
    result = run("--host", "0.0.0.0")
    assert result.exit_code == 1
    assert "--public" in result.output


def test_a_missing_ensemble_says_which_command_makes_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    result = run("--ensemble", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "kedro run" in result.output


def test_a_missing_index_says_which_command_makes_one(saved_ensemble, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    result = run("--ensemble", str(saved_ensemble), "--index", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "kedro run --pipelines search" in result.output


def test_help_names_every_limit():
    text = run("--help").output
    for option in ("--queue-length", "--seconds", "--max-upload-megabytes", "--blur", "--user"):
        assert option in text
