"""Which steps of a run would give again what is there already, told by all that they depend on.

A step has a key: the program, its parameters with the weights that they name, and the content of
what it reads. What it gave is known by content, too. As long as both are as they were noted when it
ran, it need not run; what it only handed on in memory is made when somebody asks for it. Build
systems call this early cutoff: a step that runs anew and gives the same lets those after it rest.

Source: Mokhov, Mitchell and Peyton Jones (2018), Build systems à la carte, https://doi.org/10.1145/3236774.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from kedro.io import DatasetError, MemoryDataset

from chajong.content import KnownByContent, Provisional, content_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kedro.io import CatalogProtocol
    from kedro.pipeline import Node, Pipeline

NOTES = "finished_steps"
"""Dataset of what the steps of a data folder depended on and gave; without it all steps run."""

NOT_IN_KEY = {"params:engine"}
"""Where work is computed changes no result."""


@dataclass(frozen=True)
class Note:
    """What a step gave.

    Attributes:
        key: Of all that it depended on.
        gave: The content of each stored output.
    """

    key: str
    gave: dict[str, str]


class Unchanged:
    """Tells, step by step in the order in which they run, whose results are there already."""

    def __init__(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Begin a run.

        Args:
            pipeline: All steps of the run.
            catalog: Where their inputs and outputs are, and the notes of earlier runs.
        """
        self._catalog = catalog
        self._wanted = pipeline.outputs()
        self._makers = {name: node for node in pipeline.nodes for name in node.outputs}
        self._keys: dict[Node, str | None] = {}
        self._contents: dict[str, str | None] = {}
        self._ran: set[Node] = set()
        self._notes: dict[str, Note] = {}
        self._kept = catalog.get(NOTES) if NOTES in catalog else None
        if self._kept is not None and self._kept.exists():
            with suppress(DatasetError):  # they are damaged, and written anew
                written = self._kept.load()
                self._notes = {name: Note(**note) for name, note in written.items()}

    def to_run(self, node: Node) -> list[Node]:
        """List what has to run so that a step's results are there; those before it are settled.

        Returns:
            Nothing where they are, else the step, after those whose results in memory it reads.
        """
        self._keys[node] = self._key(node)
        is_wanted = any(name in self._wanted for name in self.in_memory(node))
        return [] if self._is_there(node) and not is_wanted else list(self._with_inputs(node))

    def note(self, node: Node) -> None:
        """Note what a step gave that has just run."""
        self._ran.add(node)
        key = self._keys[node]
        if self._kept is None:
            return
        stored = set(node.outputs) - self.in_memory(node)
        gave = {name: self._content(name) for name in stored}
        known = {name: content for name, content in gave.items() if content is not None}
        self._notes.pop(node.name, None)
        if key is not None and known.keys() == gave.keys() and not self._may_give_more(stored):
            self._notes[node.name] = Note(key, known)
        self._kept.save({name: asdict(note) for name, note in self._notes.items()})

    def _may_give_more(self, names: Iterable[str]) -> bool:
        datasets = [self._catalog.get(name) for name in names]
        return any(each.is_provisional() for each in datasets if isinstance(each, Provisional))

    def in_memory(self, node: Node) -> set[str]:
        """Name what a step only hands on, and does not leave."""
        return {name for name in node.outputs if self._is_in_memory(name)}

    def _is_there(self, node: Node) -> bool:
        note = self._notes.get(node.name)
        if note is None or note.key != self._keys[node]:
            return False
        return all(self._content(name) == content for name, content in note.gave.items())

    def _with_inputs(self, node: Node) -> Iterator[Node]:
        """List a step after those that have not run whose results in memory it reads."""
        for name in node.inputs:
            maker = self._makers.get(name)
            if maker is not None and maker not in self._ran and self._is_in_memory(name):
                self._ran.add(maker)
                yield from self._with_inputs(maker)
        yield node

    def _key(self, node: Node) -> str | None:
        if self._kept is None:
            return None
        read = {name: self._content_read(name) for name in node.inputs if name not in NOT_IN_KEY}
        if None in read.values():
            return None
        known_otherwise = getattr(node.func, "known", None)
        return content_key([_here(), node.name, node.outputs, known_otherwise, read])

    def _content_read(self, name: str) -> str | None:
        if name in self._makers and self._is_in_memory(name):
            return self._keys[self._makers[name]]
        return self._content(name)

    def _content(self, name: str) -> str | None:
        if name in self._makers:  # a run changes these
            return self._content_now(name)
        if name not in self._contents:
            self._contents[name] = self._content_now(name)
        return self._contents[name]

    def _content_now(self, name: str) -> str | None:
        if name.startswith("params:"):
            return _content_of_parameters(self._catalog.load(name))
        dataset = self._catalog.get(name)
        return dataset.content() if isinstance(dataset, KnownByContent) else None

    def _is_in_memory(self, name: str) -> bool:
        return isinstance(self._catalog.get(name), MemoryDataset)


def _content_of_parameters(value: Any) -> str:
    from pydantic import BaseModel

    from chajong.encoders.published import identities

    return content_key([value, identities(value) if isinstance(value, BaseModel) else []])


@cache
def _here() -> list[Any]:
    """Say by which program, and how, this process computes."""
    from chajong.device import best_precision
    from chajong.members.libraries import library_versions, program
    from chajong.members.proof import arithmetic_here

    return [program(), library_versions(), arithmetic_here(str(best_precision())).written()]
