"""The project from Python: its folder, and a run of all its pipelines as `kedro run` does it."""

from __future__ import annotations

from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kedro.framework.session import KedroSession

    from chajong.members.configuration import Members
    from chajong.photos.folder import PhotoFolder

ENSEMBLE = Path("06_models", "ensemble")
"""Where a run leaves the ensemble, below its `data_dir`."""


class ProjectError(SlipError, RuntimeError):
    """There is no project where one is looked for; the message says where to go."""


def project_folder() -> Path:
    """Give the project's folder, which holds `conf/`.

    It is where the package was installed from, else the project around the current folder.

    Raises:
        ProjectError: There is neither.
    """
    from kedro.utils import find_kedro_project

    folder = find_kedro_project(Path(__file__).parent) or find_kedro_project(Path.cwd())
    if folder is None:
        message = (
            f"{Path.cwd()} is in no project. Start from a folder of the project: its conf/ says "
            "which models there are."
        )
        raise ProjectError(message)
    return Path(folder)


def run_everything(
    raw_dir: Path, data_dir: Path, environment: str, minutes: float | None = None
) -> None:
    """Run what `kedro run --env … --params raw_dir=…,data_dir=…` runs, in this process.

    Args:
        raw_dir: The photos.
        data_dir: Gets the results.
        environment: A folder of `conf/`.
        minutes: How long it may take, None for as long as it takes.

    Raises:
        ProjectError: There is no project.
        RawDataError: The photos are not in a known layout.
        Any other error of a run.
    """
    from chajong.runner import QuickStepsFirst

    with _session(raw_dir, data_dir, environment, minutes) as session:
        session.run(runner=QuickStepsFirst())


@dataclass(frozen=True)
class Prospect:
    """What a run would read before its first step.

    Attributes:
        photos: The photos as they are listed.
        members: The members that would run.
        left_out: Why others would not, by name.
        metrics: What earlier runs with the same results measured, by member.
    """

    photos: PhotoFolder
    members: Members
    left_out: dict[str, str]
    metrics: dict[str, dict[str, Any]]


def prospect(raw_dir: Path, data_dir: Path, environment: str) -> Prospect:
    """Look at what a run would start from; see `run_everything`."""
    from chajong.configuration import SESSION

    with _session(raw_dir, data_dir, environment) as session:
        catalog = session.load_context().catalog
        members = SESSION.members or ()
        kept = {member.name: catalog[f"{member.name}.metrics"] for member in members}
        metrics = {name: dataset.load() for name, dataset in kept.items() if dataset.exists()}
        return Prospect(catalog.load("photo_folder"), members, SESSION.left_out, metrics)


@contextmanager
def _session(
    raw_dir: Path, data_dir: Path, environment: str, minutes: float | None = None
) -> Iterator[KedroSession]:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.io import DatasetError

    project = project_folder()
    given = {
        "raw_dir": str(raw_dir.resolve()),
        "data_dir": str(data_dir.resolve()),
        "minutes": minutes,
    }
    bootstrap_project(project)
    session = KedroSession.create(project, env=environment, runtime_params=given)
    # A session moves to the project's folder; whoever called stays where they were.
    with chdir(project), session:
        try:
            yield session
        except DatasetError as error:
            said: BaseException = error
            while isinstance(said, DatasetError) and said.__cause__:
                said = said.__cause__
            raise said from None  # what the dataset itself says, without Kedro's words around it
