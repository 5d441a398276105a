"""The documents hold together: links lead somewhere, and the site builds without a warning."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
READMES = [CHECKOUT / name for name in ("README.md", "README.ko.md")]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_a_readme_is_short(readme):
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 100


def commands_of(readme):
    blocks = re.findall(r"```\w*\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_both_readmes_have_the_same_commands():
    english, korean = (commands_of(readme) for readme in READMES)
    assert english == korean
    assert "make demo" in english


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_links_of_a_readme_lead_to_files(readme):
    links = re.findall(r"\]\(([^)#]+)", readme.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert len(local) > 10
    assert [link for link in local if not (CHECKOUT / link).exists()] == []


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = {page.name for page in tmp_path.rglob("*.html")}
    assert {"index.html", "quickstart.html", "parameters.html", "backbone.html"} <= pages
