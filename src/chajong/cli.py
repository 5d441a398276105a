"""`kedro run`, with parameters that mean what was typed, and slips that are answered."""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any

import click
from kedro import runner
from kedro.framework.cli.project import run
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.utils import load_obj
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from chajong.configuration import SESSION
from chajong.parameters import TEXT_SETTINGS, near_names
from chajong.runner import QuickStepsFirst
from chajong.slip import slip_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

NOTHING, QUOTES = ("", "~", "null"), ("'", '"')

_PLAIN_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_OPENS = re.compile(r"\s*([\w.-]+)\s*=\s*[\[{]")

CHOICES: dict[str, Callable[[Pipeline], Collection[str]]] = {
    "namespaces": lambda pipeline: {node.namespace for node in pipeline.nodes if node.namespace},
    "nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "from-nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "to-nodes": lambda pipeline: {node.name for node in pipeline.nodes},
    "from-inputs": lambda pipeline: pipeline.datasets(),
    "to-outputs": lambda pipeline: pipeline.datasets(),
    "tags": lambda pipeline: {tag for node in pipeline.nodes for tag in node.tags},
    "load-versions": lambda pipeline: pipeline.datasets(),
}
"""What the options that name a part of a pipeline choose from."""

DATASET_OPTIONS = ("from-inputs", "to-outputs", "load-versions")

FILTERS = {
    "tags": "tags",
    "namespaces": "node_namespaces",
    "nodes": "node_names",
    "from-nodes": "from_nodes",
    "to-nodes": "to_nodes",
    "from-inputs": "from_inputs",
    "to-outputs": "to_outputs",
}
"""What a pipeline calls the options by which it is filtered."""

RUNNERS = {
    "ParallelRunner": "steps are made anew for every run, and cannot be handed to other processes",
    "ThreadRunner": "steps that run at once would load libraries and draw random numbers at once",
}
"""Runners of Kedro that cannot run these pipelines, and why."""

THE_RUNNER = (
    "Leave --runner away: what did not change is then not made again. SequentialRunner runs every "
    "step anew."
)

MOST_CHOICES = 30
"""Names that a message lists."""

RUN_OPTIONS = "Write `run:`, and below it one option a line, as in `  pipelines: [ensembling]`."


@click.group(name="chajong")
def cli() -> None:
    """Commands that Kedro has, as this project needs them."""


def typed_parameters(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Read ``--params`` as Kedro does, but for what YAML would make something else of.

    ``raw_dir=cars #2`` has no comment, ``007`` and ``2025_05_19`` are no numbers, and
    ``clip.zoom=[1.0,1.4]`` is one parameter.

    Args:
        context: Of the command.
        option: The option.
        value: ``name=value`` pairs between commas, or what a configuration file holds.
    """
    if isinstance(value, dict):
        return value
    parameters = OmegaConf.create()
    for item in _items(value):
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals or not name:
            context.fail(
                f"`{item}` in --params is no pair: write name=value, and a value that has a comma "
                "into conf/base/globals.yml or another configuration file."
            )
        OmegaConf.update(parameters, name, _typed(name, text))
    return OmegaConf.to_container(parameters)


def _items(text: str) -> Iterator[str]:
    """Part what commas part, but for those inside of a list or mapping."""
    parts = text.split(",") if text else []
    while parts:
        item = parts.pop(0)
        opens = _OPENS.match(item)
        if opens and opens[1] not in TEXT_SETTINGS:
            while parts and _depth(item) > 0:
                item += f",{parts.pop(0)}"
        if item.strip():
            yield item.strip()


def _depth(text: str) -> int:
    return sum(text.count(each) for each in "[{") - sum(text.count(each) for each in "]}")


def _typed(name: str, text: str) -> Any:
    if name in TEXT_SETTINGS and not text.startswith(QUOTES):
        return None if text.strip() in NOTHING else text
    try:
        value = OmegaConf.from_dotlist([f"value={text}"])["value"]
    except YAMLError:
        return text
    if text.startswith(QUOTES):
        return value
    is_other_integer = type(value) is int and not _PLAIN_INTEGER.fullmatch(text)
    return text if isinstance(value, str) or is_other_integer else value


def known_runner(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Refuse a runner that there is not, or that cannot run these pipelines.

    Args:
        context: Of the command.
        option: The option.
        name: A class of ``kedro.runner``, or the dotted path of another one.
    """
    if name is None:
        return None
    plain = name.rpartition(".")[2]
    if plain in RUNNERS:
        context.fail(f"{plain} cannot run these pipelines: {RUNNERS[plain]}. {THE_RUNNER}")
    if not _is_runner(name):
        context.fail(
            f"--runner {name}: there is no such runner. Kedro has SequentialRunner, "
            f"{' and '.join(RUNNERS)}; of these, only SequentialRunner can run these pipelines. "
            f"{THE_RUNNER}"
        )
    return name


def _is_runner(name: str) -> bool:
    try:
        found = load_obj(name, runner.__name__)
    except (ImportError, AttributeError):
        return False
    is_class = inspect.isclass(found) and issubclass(found, runner.AbstractRunner)
    return is_class and not inspect.isabstract(found)


def told_by_command(read: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command answer what it cannot read of an option, as Kedro's own options do not.

    Args:
        read: Reads the value of an option.
    """

    @functools.wraps(read)
    def reading(context: click.Context, option: click.Parameter, value: Any) -> Any:
        try:
            return read(context, option, value)
        except KedroCliError as error:
            context.fail(error.message)
        except (YAMLError, OmegaConfBaseException, OSError, KeyError, TypeError, AttributeError):
            context.fail(f"{value} holds no options of `kedro run`. {RUN_OPTIONS}")

    return reading


def answering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command answer slips by their message, and show the traceback of all other errors.

    Args:
        command: Runs pipelines; its options are those of ``kedro run``.
    """

    @functools.wraps(command)
    def answered(*given: Any, traceback: bool, **options: Any) -> Any:
        try:
            return command(*given, **options)
        except Exception as error:
            slip = slip_behind(error)
            said = slip.message if slip else _slip_in(options, error)
            if traceback or said is None:
                raise
            raise click.ClickException(said) from error

    return answered


def _slip_in(options: Mapping[str, Any], error: Exception) -> str | None:
    """Say what is wrong with the options themselves; None where nothing is."""
    if isinstance(error, KedroCliError):
        return error.message
    return unknown_setting(options) or unknown_name(options) or nothing_chosen(options)


def unknown_setting(options: Mapping[str, Any]) -> str | None:
    """Say which setting its runner does not have; None where it has all."""
    chosen = load_obj(options["runner"] or "SequentialRunner", runner.__name__)
    known = inspect.signature(chosen).parameters
    for name in options["runner_params"]:
        if name not in known:
            near = near_names(name, known)
            return f"--runner-params {name}: {chosen.__name__} has no such setting{near}."
    return None


def unknown_name(options: Mapping[str, Any]) -> str | None:
    """Say which name of a pipeline, or of a part of it, there is not; None where all are there.

    Args:
        options: Of ``kedro run``, after its session has read the configuration.
    """
    pipelines.set_requested(None)  # else only those of the run are known
    for name in _asked(options):
        if name not in pipelines:
            return _absent("pipelines", name, set(pipelines) - {"__default__"})
    chosen = _chosen(options)
    for option, choices in CHOICES.items():
        known = choices(chosen)
        for name in _given(options, option):
            if reason := SESSION.left_out.get(name):
                return f"{name} is left out of this run. {reason}"
            if name not in known:
                return _absent(option, name, known)
    return None


def nothing_chosen(options: Mapping[str, Any]) -> str | None:
    """Say that options choose no step between them; None where they choose some.

    Args:
        options: Of ``kedro run``; every name in them is there.
    """
    given = {option: names for option in FILTERS if (names := _given(options, option))}
    try:
        _chosen(options).filter(**{FILTERS[option]: names for option, names in given.items()})
    except ValueError:
        typed = " ".join(f"--{option} {','.join(names)}" for option, names in given.items())
        return (
            f"{typed}: no step is left. A run takes the steps that each of its options chooses; "
            "`kedro registry describe` lists them in the order in which they run."
        )
    return None


def _asked(options: Mapping[str, Any]) -> list[str]:
    names: list[str] = options["pipelines"] or [options["pipeline"] or "__default__"]
    return names


def _chosen(options: Mapping[str, Any]) -> Pipeline:
    chosen: Pipeline = sum((pipelines[name] for name in _asked(options)), Pipeline([]))
    return chosen


def _given(options: Mapping[str, Any], option: str) -> Collection[str]:
    names: Collection[str] = options[
        "node_names" if option == "nodes" else option.replace("-", "_")
    ]
    return names


def _absent(option: str, name: str, known: Collection[str]) -> str:
    near = near_names(name, known)
    if len(known) <= MOST_CHOICES:
        return f"--{option} {name}: there is none of this name{near}. {_listed(known)}"
    lister = "catalog describe-datasets" if option in DATASET_OPTIONS else "registry describe"
    return f"--{option} {name}: there is none of this name{near}. `kedro {lister}` lists all."


def _listed(known: Collection[str]) -> str:
    return f"There are {', '.join(sorted(known))}." if known else "There are none at all."


def _option(name: str) -> click.Parameter:
    return next(option for option in run.params if option.name == name)


_option("params").callback = typed_parameters
_option("runner").default = f"{QuickStepsFirst.__module__}.{QuickStepsFirst.__name__}"
_option("runner").callback = known_runner
for _each in (_option("config"), _option("load_versions")):
    if _each.callback is not None:
        _each.callback = told_by_command(_each.callback)
run.params.append(
    click.Option(
        ["--traceback"],
        is_flag=True,
        help="Show the traceback of an error that a message alone answers.",
    )
)
if run.callback is not None:
    run.callback = answering(run.callback)
cli.add_command(run)
