"""Members as a configuration describes them: read, completed, and refused where they are wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from chajong.encoders.parameters import HogParameters
from chajong.inside import folded
from chajong.members.kinds.frozen import FrozenParameters
from chajong.members.registry import KINDS
from chajong.training.parameters import MatchedFoldsParameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chajong.members.kind import Kind, Reference, Step
    from chajong.members.parameters import MemberParameters

SHARED = "shared"
"""The block that says, by kind, what all members of the kind have in common."""

SEED = "seed"

PIPELINES = ("data_processing", "ensembling", "reporting", "inference", "search")
"""Pipelines that have a block of parameters of their own."""

TEXT_SETTINGS = (
    "raw_dir", "data_dir", "train_table", "group_column", "group_pattern", "typical_photos",
    "photos_dir", "class_prior", "mirror", "experiment", "language",
)  # fmt: skip
"""Settings of the command line that are names or paths, whatever they look like."""

RUN_SETTINGS = (SEED, "engine", "group_minutes", *TEXT_SETTINGS)
"""What can be given on the command line besides."""

NO_MEMBERS = (*PIPELINES, *RUN_SETTINGS, SHARED)
"""Parameters that describe no member."""

TAKEN = (
    *NO_MEMBERS, *(kind.pipeline for kind in KINDS.values()),
    "ensemble", "external", "new_photos", "photo_store", "search_index",
)  # fmt: skip
"""Names that datasets, folders and settings have, so that no member can."""

LONGEST_NAME = 60

NAME = re.compile(r"[^\W_][\w-]*")


class MemberError(ValueError):
    """Members that cannot be run as they are described; the message names the block and the fix."""


@dataclass(frozen=True)
class Member:
    """One member of the ensemble.

    Attributes:
        name: What it is called: its datasets, its folders, its row in reports.
        kind: What kind of member it is.
        parameters: Its block of configuration.
    """

    name: str
    kind: Kind[Any]
    parameters: MemberParameters

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Its nodes."""
        return self.kind.steps(self.parameters)

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The members that it builds on, by the argument that takes each."""
        return self.kind.references(self.parameters)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all that its nodes give."""
        return tuple(output for step in self.steps for output in step.outputs)


Members = tuple[Member, ...]


def completed_blocks(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what members' blocks take over: from `shared`, from one another, and the seed.

    Args:
        parameters: All parameters as they are written.

    Returns:
        The same with whole blocks, and without `shared` and members that are set to null.
    """
    shared: dict[str, Any] = parameters.get(SHARED) or {}
    whole = {name: block for name, block in parameters.items() if name != SHARED}
    blocks = {name: whole[name] for name in _described(whole)}
    whole = {
        name: block for name, block in whole.items() if block is not None or name in NO_MEMBERS
    }
    seed = {SEED: parameters[SEED]} if SEED in parameters else {}
    for name, block in blocks.items():
        of_kind: dict[str, Any] = shared.get(str(block["kind"])) or {}
        blocks[name] = {**seed, **merged(of_kind, block)}
    for name, block in blocks.items():
        kind = KINDS.get(str(block["kind"]))
        whole[name] = kind.completed(block, blocks) if kind else block
    return whole


def read_members(parameters: Mapping[str, Any]) -> Members:
    """Read the members of a configuration.

    Args:
        parameters: From `completed_blocks`.

    Returns:
        The members by kind and name: in which order or file they are written does not matter.

    Raises:
        MemberError: A block is no member's and no pipeline's, a name or kind or setting is wrong,
            or a member builds on one that is not there, of another kind, or on itself.
    """
    named = _described(parameters)
    _check_known(parameters, named)
    _check_names(named)
    kinds = list(KINDS)
    members = tuple(
        sorted(
            (_read(name, parameters[name]) for name in named),
            key=lambda member: (kinds.index(member.kind.name), member.name),
        )
    )
    _check_references({member.name: member for member in members})
    return members


def leaving(members: Members, dataset: str) -> tuple[str, ...]:
    """Name the members that leave a dataset, such as `features` or `history`."""
    return tuple(member.name for member in members if dataset in member.outputs)


def encoder_of_folds(members: Members, parameters: Mapping[str, Any]) -> Member | None:
    """Choose the frozen member whose features say to folds how alike photos are.

    Args:
        members: The members of a session.
        parameters: All its parameters; where they name no member, it is the first that is more
            than histograms.

    Returns:
        The member, None where no frozen one is there.

    Raises:
        MemberError: There is no frozen member of the name.
    """
    written = parameters.get("data_processing", {}).get("matched_folds", {})
    try:
        named = MatchedFoldsParameters.model_validate(written).encoder
    except ValidationError:
        named = None  # Kedro refuses these parameters, in words of its own, before any node runs.
    frozen = {
        member.name: isinstance(member.parameters.encoder, HogParameters)
        for member in members
        if isinstance(member.parameters, FrozenParameters)
    }
    name = min(frozen, key=lambda each: frozen[each], default=None) if named is None else named
    if named is not None and named not in frozen:
        message = (
            f"data_processing.matched_folds.encoder names {named!r}, and there is no such frozen "
            f"member{near_names(named, frozen)}. There are {', '.join(frozen) or 'none'}."
        )
        raise MemberError(message)
    return next((member for member in members if member.name == name), None)


def _described(parameters: Mapping[str, Any]) -> list[str]:
    """List the blocks that describe a member: those that have a kind."""
    return [
        str(name)
        for name, block in parameters.items()
        if name not in NO_MEMBERS and isinstance(block, dict) and "kind" in block
    ]


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another, mapping by mapping."""
    whole = dict(under)
    for key, value in over.items():
        below: Any = whole.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        whole[key] = merged(below, value) if both else value
    return whole


def _check_known(parameters: Mapping[str, Any], named: list[str]) -> None:
    known = {*NO_MEMBERS, *named}
    for name, block in parameters.items():
        if name in known:
            continue
        near = near_names(str(name), known)
        if isinstance(block, dict):
            message = (
                f"{name!r} is no member, because it does not say of which kind it is: add "
                f"`kind: …`, one of {', '.join(KINDS)}. If you meant to change a member or "
                f"setting, write its name{near}."
            )
        else:
            message = f"There is no setting {name!r}{near}. There are {', '.join(sorted(known))}."
        raise MemberError(message)


def _check_names(names: list[str]) -> None:
    taken = {folded(name): f"the name of a part of the project, {name!r}" for name in TAKEN}
    for name in names:
        if not NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME:
            message = (
                f"{name!r} cannot be a member's name, because folders are called after members: "
                "begin with a letter or digit, use only letters, digits, - and _, and at most "
                f"{LONGEST_NAME} bytes."
            )
            raise MemberError(message)
        if other := taken.get(folded(name)):
            message = f"A member cannot be called {name!r}, which is {other}. Choose another name."
            raise MemberError(message)
        taken[folded(name)] = f"as good as {name!r} for a folder"


def _read(name: str, block: Mapping[str, Any]) -> Member:
    kind = KINDS.get(str(block["kind"]))
    if kind is None:
        near = near_names(str(block["kind"]), KINDS)
        message = (
            f"{name}.kind is {block['kind']!r}, and there is no such kind of member{near}. There "
            f"are {', '.join(KINDS)}."
        )
        raise MemberError(message)
    try:
        parameters = kind.parameters.model_validate(dict(block))
    except ValidationError as error:
        raise MemberError(_reworded(name, kind, error)) from error
    return Member(name, kind, parameters)


def _reworded(name: str, kind: Kind[Any], error: ValidationError) -> str:
    """Name each wrong setting by its place in the configuration, with the near ones."""
    lines = []
    for each in error.errors():
        place = ".".join(str(part) for part in (name, *each["loc"]))
        if each["type"] == "extra_forbidden":
            *above, last = each["loc"]
            near = near_names(str(last), _settings(kind.parameters, above))
            lines.append(f"{place}: there is no such setting{near}.")
        else:
            lines.append(f"{place}: {each['msg']} (given: {each['input']!r}).")
    return f"The member {name!r} of kind {kind.name!r} is described wrongly.\n" + "\n".join(lines)


def _settings(model: type[BaseModel], place: Sequence[Any]) -> set[str]:
    """List the settings that there are at a place; of a choice between models those of all."""
    models = [model]
    for part in place:
        below = [each.model_fields[part].annotation for each in models if part in each.model_fields]
        # A choice between models adds the chosen one's name to the place.
        models = [found for annotation in below for found in _models(annotation)] or models
    return {name for each in models for name in each.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Find the models of an annotation, of a union or of a sequence too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]


def _check_references(members: Mapping[str, Member]) -> None:
    for member in members.values():
        for reference in member.references.values():
            _check_reference(member, reference, members)
    graph = {
        name: [reference.member for reference in member.references.values()]
        for name, member in members.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " on ".join(reversed(error.args[1]))
        message = f"Members build on one another in a circle: {circle}. Cut it at one place."
        raise MemberError(message) from error


def _check_reference(member: Member, reference: Reference, members: Mapping[str, Member]) -> None:
    place = f"{member.name}.{reference.setting}"
    fitting = [
        name
        for name, other in members.items()
        if name != member.name and other.kind.name in reference.kinds
    ]
    choices = f"Name one of {', '.join(fitting)}." if fitting else "There is none that fits."
    if reference.member not in members:
        near = near_names(reference.member, members)
        message = (
            f"{place} names {reference.member!r}, and there is no such member{near}. {choices}"
        )
        raise MemberError(message)
    if reference.member not in fitting and reference.member != member.name:
        other = members[reference.member].kind.name
        message = (
            f"{place} names {reference.member!r}, a member of kind {other!r}, which does not serve "
            f"here. {choices}"
        )
        raise MemberError(message)


def near_names(name: str, known: Iterable[str]) -> str:
    """Word a question for names that were perhaps meant; nothing where none is near."""
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
