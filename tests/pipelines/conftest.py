"""Real runs of the real graph, on a few rendered cars."""

import contextlib
import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from chajong.runner import QuickStepsFirst

PROJECT = Path(__file__).parents[2]

# Small enough that a run takes two seconds; the second still learns something.
QUICK = {
    "encoder": {"width": 48, "height": 32, "cell": 16},
    "heads": {"kinds": ["prototypes"], "shrinkages": [0.3]},
}
# Members that learn for longer than a test should take; tests name those that they look at.
NOT_TRAINED = dict.fromkeys(
    ("clip_frozen", "clip", "clip_zero_shot", "backbone", "fusion", "vlm"), None
)
LEARNING = {
    "encoder": {"cell": 16},
    "heads": {"kinds": ["prototypes"]},
}


@pytest.fixture(scope="session")
def project():
    """The project's folder, known to Kedro."""
    bootstrap_project(PROJECT)
    return PROJECT


@pytest.fixture(scope="session")
def quick_parameters():
    """Parameters of a run that takes two seconds."""
    return {"hog": QUICK} | NOT_TRAINED


@pytest.fixture(scope="session")
def run_pipelines(project, quick_parameters):
    """Run pipelines as `kedro run --pipelines … --params …` does."""

    def run(raw_dir, data_dir, *names, **parameters):
        runtime = {"raw_dir": str(raw_dir), "data_dir": str(data_dir)}
        runtime |= quick_parameters | parameters
        with KedroSession.create(project, runtime_params=runtime) as session:
            session.run(runner=QuickStepsFirst(), pipeline_names=list(names or ("__default__",)))

    return run


@pytest.fixture(scope="session")
def load_dataset(project):
    """Load a dataset of a finished run through the catalog."""

    def load(raw_dir, data_dir, name):
        runtime = {"raw_dir": str(raw_dir), "data_dir": str(data_dir)}
        with KedroSession.create(project, runtime_params=runtime) as session:
            return session.load_context().catalog.load(name)

    return load


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Nine car models under ten names with oddities, in the challenge's layout."""
    from tools.rendered_cars.sample_names import sample_names
    from tools.rendered_cars.write import write_rendered_photos

    folder = tmp_path_factory.mktemp("rendered")
    write_rendered_photos(
        folder,
        sample_names(10),
        train_per_class=12,
        test_per_class=3,
        seed=1,
        oddities=True,
        progress=False,
    )
    return folder


@pytest.fixture(scope="session")
def finished(rendered, tmp_path_factory, run_pipelines, load_dataset):
    """A finished run of the whole graph, to be looked at and never changed."""
    data = tmp_path_factory.mktemp("finished")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_pipelines(rendered, data, hog=LEARNING)
    return SimpleNamespace(
        raw=rendered,
        data=data,
        hog=LEARNING,
        printed=printed.getvalue(),
        load=lambda name: load_dataset(rendered, data, name),
    )


@pytest.fixture
def raw_dir(rendered, tmp_path):
    """A copy of the rendered photos, to be changed."""
    return shutil.copytree(rendered, tmp_path / "raw")


@pytest.fixture
def data_dir(finished, tmp_path):
    """A copy of the finished run's results, to be changed."""
    return shutil.copytree(finished.data, tmp_path / "data")
