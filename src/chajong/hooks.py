"""What a run does before its first node, and what a person sees at its end."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from chajong.configuration import PARAMETERS, SESSION
from chajong.data_folder import occupy
from chajong.inputs import InputError, check_inputs
from chajong.manifest import DamagedError
from chajong.members.configuration import MemberError, read_members
from chajong.mirror import Mirror

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

    from chajong.members.configuration import Members

logger = logging.getLogger("chajong")

IN_ITS_PLACE = (
    "The answers come from the other members; hog alone, which needs no weights, is a baseline."
)

DATA_DIR, MIRROR = "data_dir", "mirror"

SUMMARY = "summary"
"""Ends the name of a dataset that says where the results are and what was scored."""


class MembersHooks:
    """Leave out what a run can do without and cannot have."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Leave out the members whose weights may be missing and are.

        Relative paths of photos and weights mean the project's, as those of the catalog do, from
        whatever folder of it Kedro was called.

        Raises:
            MemberError: Members are described wrongly, one builds on a member that is left out, or
                folds are to know one that is not there.
        """
        os.chdir(context.project_path)
        parameters = context.config_loader[PARAMETERS]
        left_out = without_weights(read_members(parameters))
        for member, reason in left_out.items():
            logger.warning("%s is left out of this run. %s", member, reason)
        SESSION.take(parameters, left_out)


def without_weights(members: Members) -> dict[str, str]:
    """Find the members that a run can do without and whose weights are not within reach.

    Returns:
        Why each is left out, by member.

    Raises:
        MemberError: A member builds on one of them.
    """
    left_out = {
        member.name: f"{reason} {IN_ITS_PLACE}"
        for member in members
        if (reason := member.kind.unavailable(member.parameters))
    }
    for member in members:
        for reference in member.references.values():
            if reason := left_out.get(reference.member):
                message = (
                    f"{member.name}.{reference.setting} names {reference.member!r}, which would be "
                    f"left out of this run. {reason}"
                )
                raise MemberError(message)
    return left_out


class DataFolderHooks:
    """Let one run at a time write to a folder, and start it only where its inputs are whole.

    Where the folder has a mirror, what it lacks is fetched from there first, and what is saved is
    copied there.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._folder: Path | None = None
        self._mirror: Mirror | None = None
        self._catalog: DataCatalog | None = None
        self._lock: BaseFileLock | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note the folder that the session's runs write to."""
        loader = context.config_loader
        given = loader.runtime_params or {}
        configured = given.get(DATA_DIR) or loader["globals"][DATA_DIR]
        self._folder = context.project_path / Path(configured).expanduser()
        address = given.get(MIRROR) or loader["globals"].get(MIRROR)
        self._mirror = Mirror(self._folder, address) if address else None

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Take the folder, and look at what earlier runs left there for this one.

        Raises:
            OccupiedError: Another run writes to it.
            DamagedError: A copy in the mirror is not what was published.
            InputError: Something is missing or damaged.
        """
        self._release()  # a run of this process that was interrupted, as in a notebook
        if self._folder is None:
            return
        self._lock = occupy(self._folder)
        self._catalog = catalog
        try:
            if self._mirror is not None:
                self._mirror.fetch_missing(pipeline, catalog)
            check_inputs(pipeline, catalog)
        except (InputError, DamagedError, OSError):
            self._release()
            raise

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Copy to the mirror what a node has saved.

        Raises:
            OSError: The mirror cannot be written to.
        """
        if self._mirror is not None and self._catalog is not None:
            self._mirror.publish(self._catalog.get(dataset_name))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Leave the folder to others."""
        self._release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Leave the folder to others."""
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class RunSummaryHooks:
    """End a run with where its results are."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the summaries that this run wrote, else the files that it wrote."""
        summaries = [name for name in sorted(pipeline.outputs()) if name.endswith(SUMMARY)]
        for summary in summaries:
            print(f"\n{catalog.load(summary)}")
        for member, reason in SESSION.left_out.items():
            print(f"  left out     {member}: {reason}\n")
        if summaries:
            return
        written = [
            f"  {name}: {path}"
            for name in sorted(pipeline.outputs())
            if name in catalog and (path := _path_of(catalog[name])) is not None
        ]
        if written:
            print("\n".join(["\nWritten:", *written]))


def _path_of(dataset: Any) -> str | None:
    inner = getattr(dataset, "_dataset", dataset)
    path = getattr(inner, "_filepath", None)
    return None if path is None or not dataset.exists() else str(path)
