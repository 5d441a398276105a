"""The notebooks run from top to bottom on a finished run, and are kept without results."""

import json
import shutil

import pytest

NOTEBOOKS = {
    "01_photos.ipynb": "groups in more than one place",
    "02_approaches.ipynb": "pool, temperature",
    "03_errors.ipynb": "suggested_label",
    "04_predict.ipynb": "largest difference of a probability",
}
"""What each notebook shows when it has run to its end."""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, project, finished, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    copy = tmp_path / "project"
    for folder in ("conf", "notebooks"):
        shutil.copytree(project / folder, copy / folder)
    shutil.copy(project / "pyproject.toml", copy)
    # Kedro wants the source folder itself to lie in the project.
    (copy / "src").mkdir()
    (copy / "src" / "chajong").symlink_to(project / "src" / "chajong")
    (copy / "conf" / "local").mkdir(exist_ok=True)
    (copy / "conf" / "local" / "globals.yml").write_text(
        json.dumps({"raw_dir": str(finished.raw), "data_dir": str(finished.data)})
    )
    (copy / "conf" / "local" / "parameters.yml").write_text(json.dumps({"hog": finished.hog}))
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


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_kept_without_outputs(name, project):
    cells = json.loads((project / "notebooks" / name).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
