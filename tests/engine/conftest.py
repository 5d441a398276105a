from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from chajong.runner import QuickStepsFirst

PROJECT = Path(__file__).parents[2]
HOG = {
    "encoder": {"width": 48, "height": 32, "cell": 16},
    "heads": {"kinds": ["prototypes"], "shrinkages": [0.3]},
}
OTHERS = ("clip_frozen", "clip", "clip_zero_shot", "backbone", "fusion", "vlm")


@pytest.fixture
def run_hog(monkeypatch):
    """Run pipelines of an ensemble of histograms alone, as `kedro run` does."""

    def run(data_dir, *names, **parameters):
        runtime = {"data_dir": str(data_dir), "hog": HOG} | dict.fromkeys(OTHERS) | parameters
        with KedroSession.create(PROJECT, runtime_params=runtime) as session:
            session.run(runner=QuickStepsFirst(), pipeline_names=list(names))

    monkeypatch.chdir(PROJECT)  # where a run goes
    bootstrap_project(PROJECT)
    return run
