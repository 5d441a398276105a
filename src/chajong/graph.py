"""The graph of members: each one's nodes under its name, wired by the names of their arguments."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel

from chajong.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from chajong.members.configuration import Member, Members
    from chajong.members.kind import Step

TABLES = ("photos", "classes", "folds", "photo_store")
"""What the argument `tables` of a step stands for, in the order of `TrainingTables`."""

FROM_OUTSIDE = (*TABLES, "external_members")
"""Datasets that all members share."""


def members_pipeline(members: Members, pipeline: str) -> Pipeline:
    """Lay out the members that belong to a pipeline.

    Args:
        members: All members of the configuration.
        pipeline: The pipeline's name.
    """
    return Pipeline(
        [
            node
            for member in members
            if member.kind.pipeline == pipeline
            for node in member_nodes(member)
        ]
    )


def member_nodes(member: Member) -> Iterator[Node]:
    """Lay out one member: its steps, each with the inputs that its arguments name.

    Each step can be picked (``kedro run --tags``) by the member, its kind and the step's own name.
    """
    made: set[str] = set()
    for step in member.steps:
        inputs = _inputs(member, step, made)
        outputs = [f"{member.name}.{output}" for output in step.outputs]
        yield Node(
            _node_function(step, member, list(inputs)),
            inputs=inputs,
            outputs=outputs[0] if len(outputs) == 1 else outputs,
            name=step.name,
            tags={member.name, member.kind.name, step.name},
            namespace=member.name,
        )
        made.update(step.outputs)


def _inputs(member: Member, step: Step, made: set[str]) -> dict[str, str]:
    """Say which dataset each argument of a step is, by the argument's name."""
    arguments = inspect.signature(step.function).parameters
    others = {
        argument: f"{reference.member}.{reference.dataset}"
        for argument, reference in member.references.items()
    }
    known = {
        "parameters": f"params:{member.name}",
        "engine": "params:engine",
        "scratch": f"{member.name}.scratch",
        **{name: name for name in FROM_OUTSIDE},
        **{name: f"{member.name}.{name}" for name in made},
        **others,
    }
    inputs: dict[str, str] = {}
    for name, argument in arguments.items():
        if argument.kind is inspect.Parameter.VAR_KEYWORD:
            inputs |= others
        elif name == "tables":
            inputs |= {table: table for table in TABLES}
        elif name != "member" and (name in known or argument.default is argument.empty):
            inputs[name] = known[name]
    return inputs


def _node_function(step: Step, member: Member, inputs: list[str]) -> Callable[..., Any]:
    """Fit a step to Kedro, which finds the type of parameters by annotation and signature."""
    function = step.function
    arguments = inspect.signature(function).parameters

    @functools.wraps(function)
    def node_function(**given: Any) -> Any:
        from chajong.members.trained.tables import TrainingTables

        if "tables" in arguments:
            given["tables"] = TrainingTables(*(given.pop(table) for table in TABLES))
        if "member" in arguments:
            given["member"] = member.name
        return function(**given)

    # The reason for the annotation: nodes of several kinds share functions.
    node_function.__annotations__ = {"parameters": type(member.parameters), "engine": Engine}
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(name, keyword) for name in inputs])
    node_function.__signature__ = signature  # type: ignore[attr-defined]
    return node_function


def node(
    function: Callable[..., Any],
    inputs: str | list[str] | dict[str, str] | None,
    outputs: str | list[str] | None,
    name: str | None = None,
) -> Node:
    """Make a node of a function whose module imports late what its annotations name.

    Kedro evaluates annotations to find models of parameters; it is shown these alone.

    Args:
        function: What the node does.
        inputs: As for Kedro's nodes.
        outputs: As for Kedro's nodes.
        name: The function's own name where it is not given.
    """
    written = inspect.unwrap(function)

    @functools.wraps(function)
    def node_function(*given: Any, **by_name: Any) -> Any:
        return function(*given, **by_name)

    named = {
        argument: written.__globals__.get(annotation)
        for argument, annotation in written.__annotations__.items()
    }
    node_function.__annotations__ = {
        argument: model
        for argument, model in named.items()
        if inspect.isclass(model) and issubclass(model, BaseModel)
    }
    node_function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return Node(node_function, inputs=inputs, outputs=outputs, name=name or written.__name__)


def boxed(
    nodes: Sequence[Node],
    name: str,
    shared: Collection[str] = (),
    own: Collection[str] = (),
) -> Pipeline:
    """Put nodes and what passes between them under one name, so that a graph can be folded.

    Args:
        nodes: The nodes; what they read from others keeps its name.
        name: What nodes and datasets are put under.
        shared: What they give that keeps its name, too.
        own: What they read that does not.
    """
    read = Pipeline(nodes).inputs()
    parameters = {dataset for dataset in read if dataset.startswith("params:")}
    return Pipeline(
        nodes,
        namespace=name,
        inputs=read - parameters - set(own),
        outputs=set(shared),
        parameters=parameters,
    )


def gather(dataset: str, members: Sequence[str], output: str) -> Node:
    """Read a dataset of several members.

    Args:
        dataset: What of each member is read, such as `predictions`.
        members: Whose.
        output: Receives what there is, by member; a member that has not run has nothing.
    """

    def by_member(*given: Any) -> dict[str, Any]:
        pairs = zip(members, given, strict=True)
        return {member: value for member, value in pairs if value is not None}

    return Node(
        by_member,
        inputs=[f"{member}.{dataset}" for member in members] or None,
        outputs=output,
        name=f"gather_{output.replace('.', '_')}",
    )


def knowing(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Tell a node function the members of the configuration, as its argument `names`."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def node_function(*given: Any, **named: Any) -> Any:
        return function(*given, **named, names=names)

    node_function.known = names  # type: ignore[attr-defined]  # a step depends on them
    others = [each for each in signature.parameters.values() if each.name != "names"]
    node_function.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
    return node_function
