"""What a run reads that earlier runs made: there, and as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kedro.framework.project import pipelines

from chajong.datasets.local import LocalDataset
from chajong.datasets.optional import OptionalDataset
from chajong.datasets.photo_folder import PhotoFolderDataset
from chajong.manifest import DamagedError
from chajong.photos.raw_tables import RawDataError
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline


class InputError(SlipError, ValueError):
    """Inputs that a run cannot do with; the message names the files and what makes them anew."""


def check_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """See that what a run reads of earlier ones is there and whole.

    Args:
        pipeline: What is about to run.
        catalog: Where its inputs are.

    Raises:
        InputError: Something is missing or damaged; all of it is named.
    """
    found = list(_faults(pipeline, catalog))
    if found:
        raise InputError("This run cannot begin:\n" + "\n".join(found))


def _faults(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[str]:
    absent: dict[str, list[str]] = {}
    for name in sorted(pipeline.inputs()):
        dataset: Any = catalog.get(name)
        if isinstance(dataset, PhotoFolderDataset):
            try:
                dataset.check()
            except RawDataError as error:
                yield f"  {error}"
        optional = isinstance(dataset, OptionalDataset)
        stored = dataset.wrapped if optional else dataset
        if not isinstance(stored, LocalDataset):
            continue
        if stored.exists():
            try:
                stored.check(f"Remove it; `{_command(name)}` makes it anew.")
            except DamagedError as error:
                yield f"  {error}"
        elif not optional:
            absent.setdefault(_command(name), []).append(str(stored.filepath))
    for command, files in absent.items():
        more = f" (nor are {len(files) - 1} more)" if len(files) > 1 else ""
        yield (
            f"  {files[0]} is not there yet{more}: first run `{command}`, with the same --env and "
            "--params."
        )


def _command(dataset: str) -> str:
    """Give the shortest run that makes a dataset."""
    pipelines.set_requested(None)  # else only those of this run are known
    makers = [
        name
        for name, pipeline in pipelines.items()
        if name != "__default__" and dataset in pipeline.all_outputs()
    ]
    return f"kedro run --pipelines {makers[0]}" if makers else "kedro run"
