"""Real runs of the real graph, on a few rendered cars."""

from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

PROJECT = Path(__file__).parents[2]

SMALL_HEADS = {"inverse_regularisation": [1.0, 30.0, 1000.0]}


def run_pipelines(raw_dir, data_dir, names=("__default__",), **parameters):
    """Run pipelines as `kedro run --pipelines … --params …` does."""
    bootstrap_project(PROJECT)
    runtime = {"raw_dir": str(raw_dir), "data_dir": str(data_dir), **parameters}
    with KedroSession.create(PROJECT, runtime_params=runtime) as session:
        return session.run(pipeline_names=list(names))


def load_dataset(raw_dir, data_dir, name):
    """Load a dataset of a finished run through the catalog."""
    bootstrap_project(PROJECT)
    runtime = {"raw_dir": str(raw_dir), "data_dir": str(data_dir)}
    with KedroSession.create(PROJECT, runtime_params=runtime) as session:
        return session.load_context().catalog.load(name)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Ten car models with oddities, in the challenge's layout."""
    from chajong.photos.rendered.sample_names import sample_names
    from chajong.photos.rendered.write import write_rendered_photos

    folder = tmp_path_factory.mktemp("rendered")
    write_rendered_photos(
        folder, sample_names(10), train_per_class=12, test_per_class=3, seed=1, oddities=True
    )
    return folder
