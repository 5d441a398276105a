"""`kedro run`, with parameters that mean what was typed."""

from __future__ import annotations

import re
from typing import Any

import click
from kedro.framework.cli.project import run
from kedro.framework.cli.utils import split_string
from omegaconf import OmegaConf
from yaml import YAMLError

from chajong.members.configuration import TEXT_SETTINGS

NOTHING, QUOTES = ("", "~", "null"), ("'", '"')

_PLAIN_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


@click.group(name="chajong")
def cli() -> None:
    """Commands that Kedro has, as this project needs them."""


def typed_parameters(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Read ``--params`` as Kedro does, but for what YAML would make something else of.

    ``raw_dir=cars #2`` has no comment, and ``007`` and ``2025_05_19`` are no numbers.

    Args:
        context: Of the command.
        option: The option.
        value: ``name=value`` pairs between commas, or what a configuration file holds.
    """
    if isinstance(value, dict):
        return value
    parameters = OmegaConf.create()
    for item in split_string(context, option, value):
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals or not name:
            context.fail(
                f"`{item}` in --params is no pair: write name=value, and a value that has a comma "
                "into conf/base/globals.yml or another configuration file."
            )
        OmegaConf.update(parameters, name, _typed(name, text))
    return OmegaConf.to_container(parameters)


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


next(option for option in run.params if option.name == "params").callback = typed_parameters
cli.add_command(run)
