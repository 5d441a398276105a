"""What a run does before its first node, and what a person sees at its end."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from chajong.budget import Budget, Memory, finished_key
from chajong.configuration import PARAMETERS, SESSION
from chajong.data_folder import claim, occupy
from chajong.datasets.photo_folder import PhotoFolderDataset
from chajong.inputs import check_inputs
from chajong.members.configuration import MemberError, merged, read_members
from chajong.mirror import Mirror
from chajong.run_log import LOG, METRICS, StepTimes, failures, log_file, tell
from chajong.runner import QuickFirst
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from chajong.budget import Plan
    from chajong.members.configuration import Members

logger = logging.getLogger("chajong")

IN_ITS_PLACE = (
    "The answers come from the other members; hog alone, which needs no weights, is a baseline."
)

DATA_DIR, MIRROR, MINUTES, RAW_PHOTOS = "data_dir", "mirror", "minutes", "photo_folder"

SUMMARY = "summary"
"""Ends the name of a dataset that says where the results are and what was scored."""


class MembersHooks:
    """Leave out what a run can do without and cannot have, and what does not fit its minutes."""

    _folder: Path
    _plan: Plan | None = None
    _memory: Memory

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Leave out the members whose weights may be missing and are, and keep to a budget.

        Relative paths of photos and weights mean the project's, as those of the catalog do, from
        whatever folder of it Kedro was called.

        Raises:
            MemberError: Members are described wrongly, one builds on a member that is left out, or
                folds are to know one that is not there.
        """
        os.chdir(context.project_path)
        loader = context.config_loader
        given = loader.runtime_params or {}
        parameters = loader[PARAMETERS]
        members = read_members(parameters)
        left_out = without_weights(members)
        self._folder = _data_folder(context)
        self._memory = Memory.of(self._folder)
        self._plan = None
        if (minutes := parameters.get(MINUTES)) is not None:
            possible = tuple(member for member in members if member.name not in left_out)
            photos = PhotoFolderDataset.from_config(RAW_PHOTOS, loader["catalog"][RAW_PHOTOS])
            budget = Budget(possible, parameters, given)
            self._plan = budget.plan(minutes, photos.load(), self._folder, self._memory)
            loader.runtime_params = merged(self._plan.parameters, given)
            parameters = loader[PARAMETERS]
            left_out |= self._plan.left_out
        SESSION.take(parameters, left_out)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Say what runs in the minutes given, and who is left out."""
        if self._plan is not None:
            self._memory.keep(self._folder)
            for line in self._plan.lines():
                tell(line)
        for member, reason in left_out_of(run_params).items():
            logger.warning("%s is left out of this run. %s", member, reason)

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Note who is finished, which costs nothing where a budget asks for the same again."""
        for member in SESSION.members or ():
            if f"{member.name}.predictions" in node.outputs:
                is_train = inputs["photos"]["split"] == "train"
                photos = int(is_train.sum()), int((~is_train).sum())
                key = finished_key(member, *photos, SESSION.parameters)
                self._memory.finished[member.name] = key
                self._memory.keep(self._folder)


def left_out_of(run_params: Mapping[str, Any]) -> dict[str, str]:
    """Say who is left out and why; a run of some members does not ask for the others."""
    named = run_params.get("namespaces")
    return {
        member: reason
        for member, reason in SESSION.left_out.items()
        if not named or member in named
    }


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


def _settings(context: KedroContext) -> dict[str, Any]:
    loader = context.config_loader
    return {**loader["globals"], **(loader.runtime_params or {})}


def _data_folder(context: KedroContext) -> Path:
    return context.project_path / Path(_settings(context)[DATA_DIR]).expanduser()


class _InDataFolder:
    """Knows the folder that the session's runs write to."""

    _folder: Path | None = None
    _settings: Mapping[str, Any]

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note the folder."""
        self._settings = _settings(context)
        self._folder = _data_folder(context)


class StepHooks(_InDataFolder):
    """Say which step of which member runs, and how long all that follow take."""

    def __init__(self) -> None:
        """Start outside a run."""
        self._times: StepTimes | None = None

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Look at how long the steps took before."""
        if self._folder is not None:
            ordered = QuickFirst(pipeline.nodes).nodes
            self._times = StepTimes(self._folder, [node.name for node in ordered])

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Say which step runs."""
        if self._times is not None:
            tell(self._times.begin(node.name))

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Note how long it took, and say how good a member is as soon as that is known."""
        if self._times is None:
            return
        self._times.end(node.name)
        for member, metrics in outputs.items():
            if member.endswith(METRICS) and "log_loss" in metrics:
                tell(
                    f"  {member.removesuffix(METRICS)}: log loss {metrics['log_loss']:.4f}, "
                    f"accuracy {metrics['accuracy']:.1%} out of fold"
                )

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Write it down."""
        if self._times is not None:
            self._times.keep()


class DataFolderHooks(_InDataFolder):
    """Let one run at a time write to a folder, and start it only where its inputs are whole.

    Where the folder has a mirror, what it lacks is fetched from there first, and what is saved is
    copied there. What is logged goes into the folder.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._mirror: Mirror | None = None
        self._catalog: DataCatalog | None = None
        self._published = set[str]()
        self._held = ExitStack()

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Take the folder, and look at what earlier runs left there for this one.

        Raises:
            OccupiedError: Another run writes to it.
            UnwritableError: Nobody can.
            DamagedError: A copy in the mirror is not what was published.
            InputError: Something is missing or damaged.
            OtherPhotosError: It has results of other photos.
        """
        self._held.close()  # a run of this process that was interrupted, as in a notebook
        if self._folder is None:
            return
        address = self._settings.get(MIRROR)
        self._mirror = Mirror(self._folder, address) if address else None
        self._catalog = catalog
        self._published = set()
        self._held.callback(occupy(self._folder).release)
        try:
            if self._mirror is not None:
                self._mirror.fetch_missing(pipeline, catalog)
            check_inputs(pipeline, catalog)
            if RAW_PHOTOS in pipeline.inputs():
                raw: Any = catalog.get(RAW_PHOTOS)
                replace = bool(self._settings.get("replace_photos"))
                claim(self._folder, raw.address, raw.folder, replace=replace)
            self._held.enter_context(log_file(self._folder))
        except (SlipError, OSError):
            self._held.close()
            raise

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Copy to the mirror what a node has saved.

        Raises:
            OSError: The mirror cannot be written to.
        """
        if self._mirror is not None and self._catalog is not None:
            self._mirror.publish(self._catalog.get(dataset_name))
            self._published.add(dataset_name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Leave the folder to others.

        Raises:
            OSError: The mirror cannot be written to.
        """
        if self._mirror is not None and self._catalog is not None:
            resting = pipeline.all_outputs() - self._published
            self._mirror.publish_missing(resting, self._catalog)
        self._held.close()

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Log what went wrong, and leave the folder to others."""
        # As text: a record would keep the error, and with it all that its frames hold.
        failures.error("%s", "".join(format_exception(error)))
        if self._folder is not None:
            tell(f"The log of this run is {self._folder / LOG}")
        self._held.close()


class RunSummaryHooks(_InDataFolder):
    """End a run with where its results are."""

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Print the summaries that this run wrote, else the files that it wrote, and its log."""
        from chajong.ensembling.summary import laid_out

        names = sorted(pipeline.outputs())
        summaries = [name for name in names if name.endswith(SUMMARY)]
        for summary in summaries:
            print(f"\n{catalog.load(summary)}".rstrip())
        if not summaries:
            print("\nWritten:")
            for name in names:
                if name in catalog and (path := _path_of(catalog[name])) is not None:
                    print(f"  {name}: {path}")
        if self._folder is not None:
            left_out = left_out_of(run_params).items()
            lines = [("left out", f"{member}: {reason}") for member, reason in left_out]
            lines.append(("log", str(self._folder / LOG)))
            print(laid_out(lines, self._settings["language"]), end="")


def _path_of(dataset: Any) -> str | None:
    inner = getattr(dataset, "_dataset", dataset)
    path = getattr(inner, "_filepath", None)
    return None if path is None or not dataset.exists() else str(path)
