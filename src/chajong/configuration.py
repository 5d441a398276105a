"""How configuration is read: an environment's members stand alone, its parameters are laid over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.project import pipelines, settings
from kedro.utils import find_kedro_project
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError

from chajong.members.configuration import (
    NO_MEMBERS,
    Members,
    completed_blocks,
    encoder_of_folds,
    merged,
    read_members,
)
from chajong.parameters import ParameterError, near_names
from chajong.slip import SlipError

MEMBERS = "members"
PARAMETERS = "parameters"
CATALOG = "catalog"

REGISTRY = "chajong.pipeline_registry"

LOADER_ARGUMENTS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {MEMBERS: ["members*", "members*/**", "**/members*"]},
    # A few nested values change; the default merge would replace the whole block around them.
    "merge_strategy": {PARAMETERS: "soft"},
}
"""How environments are laid over one another."""


class MembersConfigLoader(OmegaConfigLoader):
    """Reads and checks what Kedro's own loader reads, and members from ``members*.yml``.

    An environment with members of its own has none of those of the base environment: a member that
    took half of its settings from another's namesake would be neither. Parameters, of the
    environment and of the command line, are laid over the members, so that they can change one.
    """

    def __init__(self, conf_source: str, env: str | None = None, **settings: Any) -> None:
        """Name the folder of all environments, and the one that is laid over the base.

        Raises:
            ParameterError: There is no such environment, or its globals cannot be read.
        """
        _check_environment(Path(conf_source), env, settings["base_env"])
        with _readable():
            super().__init__(conf_source, env, **settings)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Give a part of the configuration; see Kedro's own loader.

        Raises:
            ParameterError: A file cannot be read, or a parameter is unknown or wrong.
        """
        with _readable():
            if key == CATALOG:
                catalog: dict[str, Any] = _at_home(super().__getitem__(key))
                return catalog
            if key != PARAMETERS or key in self:
                return super().__getitem__(key)
            parameters = completed_blocks(self._laid_over(self._members()))
        self._check(parameters)
        return parameters

    def _laid_over(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Lay parameters over members, and take those away that the command line sets to null."""
        given: dict[str, Any] = self.runtime_params or {}
        away = {name for name, value in given.items() if value is None and name not in NO_MEMBERS}
        try:
            self.runtime_params = {name: given[name] for name in given if name not in away}
            whole = merged(members, super().__getitem__(PARAMETERS))
        finally:
            self.runtime_params = given
        for name in away - whole.keys():
            message = f"--params {name}=null: there is no such member{near_names(name, whole)}."
            raise ParameterError(message)
        return {name: block for name, block in whole.items() if name not in away}

    def _check(self, parameters: Mapping[str, Any]) -> None:
        from chajong.run_parameters import check_parameters  # pipelines import this module

        written = {name: parameters[name] for name in NO_MEMBERS if name in parameters}
        check_parameters(super().__getitem__("globals"), written, self.runtime_params or {})

    def _members(self) -> dict[str, Any]:
        """Read the members of the environment, else those of the base environment."""
        base = self.base_env
        try:
            # Where both are one environment, Kedro's own loader reads it alone.
            self.base_env = self.env or self.default_run_env
            own = super().__getitem__(MEMBERS)
        except MissingConfigException:
            own = {}
        finally:
            self.base_env = base
        return own or super().__getitem__(MEMBERS)


def _check_environment(configuration: Path, environment: str | None, base: str) -> None:
    there = sorted(folder.name for folder in configuration.glob("*/"))
    if configuration.is_dir() and base not in there:
        message = (
            f"{configuration} holds no configuration: there is no folder {base!r} in it. "
            "--conf-source names a folder like the project's conf/."
        )
        raise ParameterError(message)
    if environment and there and environment not in there:
        message = (
            f"There is no environment {environment!r}{near_names(environment, there)}: "
            f"{configuration} has {', '.join(there)}."
        )
        raise ParameterError(message)


@contextmanager
def _readable() -> Iterator[None]:
    """Tell what a file of the configuration cannot be read for."""
    try:
        yield
    except SlipError:
        raise
    except (MarkedYAMLError, OmegaConfBaseException, ValueError) as error:
        cause = error.__cause__
        if isinstance(cause, MarkedYAMLError) and (mark := cause.problem_mark):
            file, _, _ = str(error).partition(", unable to read")
            place = f"line {mark.line + 1}, column {mark.column + 1}: {cause.problem}"
            message = f"{file}, {place}. YAML is indented with spaces, never with tabs."
        else:
            message = f"The configuration cannot be read: {error}"
        raise ParameterError(message) from error


def _at_home(described: Any) -> Any:
    """Write out the ``~`` that begins a path, before Kedro takes it for a folder of the project."""
    if isinstance(described, dict):
        return {key: _at_home(value) for key, value in described.items()}
    if isinstance(described, str) and described.startswith("~"):
        return str(Path(described).expanduser())
    return described


@dataclass
class Configured:
    """The members of the session that runs, on their way from its configuration to the pipelines.

    Attributes:
        members: The members; None before any session has read them.
        left_out: Why members of the configuration are not among them, by name.
        parameters: All parameters of the session.
    """

    members: Members | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def take(
        self, parameters: Mapping[str, Any], left_out: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Take the members of a session, and let its pipelines be made anew.

        Args:
            parameters: All parameters of the session, those of members among them.
            left_out: Why some members are left out.

        Raises:
            MemberError: Members are described wrongly, or folds are to know one that is not there.
        """
        members = tuple(each for each in read_members(parameters) if each.name not in left_out)
        encoder_of_folds(members, parameters)
        self.parameters = parameters
        self.members = members
        self.left_out = dict(left_out)
        pipelines.configure(REGISTRY)

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Hold what commands without a session get, so that it is read once for all pipelines."""
        if self.members is not None:
            yield
            return
        self.parameters = _of_project()
        self.members = read_members(self.parameters)
        try:
            yield
        finally:
            self.members, self.parameters = None, {}


SESSION = Configured()
"""Kedro makes pipelines without arguments, once a session's configuration was read."""


class SessionConfigLoader(MembersConfigLoader):
    """Hands the members of a session to the pipelines when they are first read.

    Kedro-Viz runs no hooks, but it reads the configuration before it makes the pipelines.
    """

    handed_over = False

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Give a part of the configuration; see `MembersConfigLoader`.

        Raises:
            MemberError: Members are described wrongly.
        """
        found = super().__getitem__(key)
        if key == PARAMETERS and not self.handed_over:
            self.handed_over = True
            SESSION.take(found)
        return found


def configured_members() -> Members:
    """Give the members that pipelines are made of.

    They are those of the session. Commands without one (`kedro registry list`) get those of the
    environment in `KEDRO_ENV`, else of the base environment.

    Raises:
        MemberError: They are described wrongly.
    """
    return read_members(_of_project()) if SESSION.members is None else SESSION.members


def configured_parameters() -> Mapping[str, Any]:
    """Give the parameters that pipelines are made by, from where the members come."""
    return _of_project() if SESSION.members is None else SESSION.parameters


def _of_project() -> Mapping[str, Any]:
    """Read the parameters of the project around the current folder; none outside of a project."""
    project = find_kedro_project(Path.cwd())
    if project is None:
        return {}
    return _parameters_of(Path(project) / settings.CONF_SOURCE, os.environ.get("KEDRO_ENV"))


def members_of(configuration: Path, environment: str | None) -> Members:
    """Read the members of an environment, without a session.

    Args:
        configuration: The folder of all environments.
        environment: Its name; None is what runs by default.

    Raises:
        MemberError: They are described wrongly.
    """
    return read_members(_parameters_of(configuration, environment))


def _parameters_of(configuration: Path, environment: str | None) -> dict[str, Any]:
    return MembersConfigLoader(str(configuration), env=environment, **LOADER_ARGUMENTS)[PARAMETERS]
