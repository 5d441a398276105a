"""`kedro run`, with parameters that mean what was typed, and slips that are answered."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.project import run
from kedro.framework.project import pipelines
from omegaconf import OmegaConf
from yaml import YAMLError

from chajong.configuration import SESSION
from chajong.parameters import TEXT_SETTINGS, near_names
from chajong.runner import QuickStepsFirst
from chajong.slip import slip_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from kedro.pipeline import Pipeline

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
}
"""What the options that choose a part of a pipeline choose from."""

MOST_CHOICES = 20
"""Names that a message lists."""


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
            said = slip.message if slip else unknown_name(options)
            if traceback or said is None:
                raise
            raise click.ClickException(said) from error

    return answered


def unknown_name(options: Mapping[str, Any]) -> str | None:
    """Say which name of a pipeline, or of a part of it, there is not; None where all are there.

    Args:
        options: Of ``kedro run``, after its session has read the configuration.
    """
    pipelines.set_requested(None)  # else only those of the run are known
    asked = options["pipelines"] or [options["pipeline"] or "__default__"]
    for name in asked:
        if name not in pipelines:
            return _absent("pipelines", name, set(pipelines) - {"__default__"})
    chosen = sum((pipelines[name] for name in asked[1:]), pipelines[asked[0]])
    for option, choices in CHOICES.items():
        known = choices(chosen)
        given = options["node_names" if option == "nodes" else option.replace("-", "_")]
        for name in given:
            if reason := SESSION.left_out.get(name):
                return f"{name} is left out of this run. {reason}"
            if name not in known:
                return _absent(option, name, known)
    return None


def _absent(option: str, name: str, known: Collection[str]) -> str:
    near = near_names(name, known)
    if len(known) <= MOST_CHOICES:
        return f"--{option} {name}: there is none of this name{near}. {_listed(known)}"
    return (
        f"--{option} {name}: there is none of this name{near}. `kedro registry describe` lists all."
    )


def _listed(known: Collection[str]) -> str:
    return f"There are {', '.join(sorted(known))}." if known else "There are none at all."


def _option(name: str) -> click.Parameter:
    return next(option for option in run.params if option.name == name)


_option("params").callback = typed_parameters
_option("runner").default = f"{QuickStepsFirst.__module__}.{QuickStepsFirst.__name__}"
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
