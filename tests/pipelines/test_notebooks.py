"""The notebooks run from top to bottom on a finished run, and are kept without results."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest

NOTEBOOKS = {
    "01_photos.ipynb": "groups in more than one place",
    "02_approaches.ipynb": "pool, temperature",
    "03_errors.ipynb": "suggested_label",
    "04_predict.ipynb": "clip_frozen: largest difference of a probability",
}
"""What each notebook shows when it has run to its end."""


# The weights of the sample's member, by a path that means the project's.
WITH_WEIGHTS = {
    "kind": "frozen",
    "encoder": {
        "library": "open_clip",
        "model": "small_clip",
        "weights": "data/06_models/small_clip",
        "zoom": [1.0],
        "flip": False,
    },
    "heads": {"kinds": ["prototypes"], "shrinkages": [0.3]},
}


@pytest.fixture(scope="module")
def demo(finished, run_pipelines, tmp_path_factory):
    """A finished run of a member without weights and one with, as the sample has them."""
    data = shutil.copytree(finished.data, tmp_path_factory.mktemp("demo") / "data")
    members = {"hog": finished.hog, "clip_frozen": WITH_WEIGHTS}
    run_pipelines(finished.raw, data, "feature_extraction", "ensembling", **members)
    return SimpleNamespace(raw=finished.raw, data=data, members=members)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs_in_its_folder_and_draws_without_a_network(name, project, demo, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    copy = tmp_path / "project"
    for folder in ("conf", "notebooks"):
        shutil.copytree(project / folder, copy / folder)
    shutil.copy(project / "pyproject.toml", copy)
    # Kedro wants the source folder itself to lie in the project.
    (copy / "src").mkdir()
    (copy / "src" / "chajong").symlink_to(project / "src" / "chajong")
    (copy / "data").mkdir()
    (copy / "data" / "06_models").symlink_to(project / "data" / "06_models")
    (copy / "conf" / "local").mkdir(exist_ok=True)
    (copy / "conf" / "local" / "globals.yml").write_text(
        json.dumps({"raw_dir": str(demo.raw), "data_dir": str(demo.data)})
    )
    (copy / "conf" / "local" / "parameters.yml").write_text(json.dumps(demo.members))
    notebook = nbformat.read(copy / "notebooks" / name, as_version=4)
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(copy / "notebooks")}},
    ).execute()
    shown = json.dumps(notebook.cells, ensure_ascii=False)
    assert NOTEBOOKS[name] in shown
    assert "image/png" in shown or "plotly" in shown
    assert not re.search(r'<(script|link|img)[^>]* (src|href)=\\*"https?:', shown)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_kept_without_outputs(name, project):
    cells = json.loads((project / "notebooks" / name).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
