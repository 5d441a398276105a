"""A run in so many minutes: which members fit, at which size, and how that is told."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psutil

from chajong.content import content_key
from chajong.members.configuration import merged
from chajong.members.cost import HEADS_PHOTOS, PhotoCounts, Sample, Speeds
from chajong.pipelines.data_processing.parameters import DataProcessingParameters
from chajong.run_log import spoken, tell
from chajong.slip import SlipError
from chajong.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chajong.members.configuration import Member, Members
    from chajong.members.kind import Report
    from chajong.members.trained.tables import TrainingTables
    from chajong.photos.folder import PhotoFolder

MEMORY = "02_intermediate/time_budget.json"
"""File of a data folder: speeds that were measured, choices that were made, members that ended."""

SCRATCH = "02_intermediate/scratch"
"""Where members keep what they have finished of their work, in a folder a member."""

SAMPLE_PHOTOS = 32
"""Photos that are tried."""

RESERVE = 0.1
"""Share of the minutes that nothing is planned for."""

REST, REST_A_PHOTO = 20.0, 0.01
"""Seconds on a quiet machine, a guess: folds, pooling, checks, reports, and what a photo adds."""

NOT_IN_KEY = {"language"}
"""Settings of data_processing that no member depends on."""


class BudgetError(SlipError, ValueError):
    """Minutes in which nothing can be done; the message says how many it takes."""


@dataclass(frozen=True)
class Size:
    """A member as it could run.

    Attributes:
        changes: What is changed in its block.
        seconds: What that is expected to take.
    """

    changes: Report
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What runs in the minutes given.

    Attributes:
        minutes: The minutes.
        sizes: The members that run.
        left_out: Why others do not.
        rest: Seconds of what belongs to no member.
        known: Whether an earlier run chose so.
    """

    minutes: float
    sizes: dict[str, Size]
    left_out: dict[str, str]
    rest: float
    known: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """What would be given by ``--params`` to have the same members without a budget."""
        changed = {name: size.changes for name, size in self.sizes.items() if size.changes}
        return {**changed, **dict.fromkeys(self.left_out)}

    def lines(self) -> Iterator[str]:
        """Tell it, all but who is left out."""
        chosen = ", as an earlier run chose them" if self.known else ""
        yield f"Members for minutes={self.minutes:g}{chosen}:"
        for name, size in self.sizes.items():
            changes = ", ".join(_dotted(size.changes))
            yield f"  {name:16} about {spoken(size.seconds)}{f' with {changes}' * bool(changes)}"
        yield f"  {'all else':16} about {spoken(self.rest)}, in part a guess"
        total = self.rest + sum(size.seconds for size in self.sizes.values())
        yield f"  {'together':16} about {spoken(total)}; what is finished already takes no time"
        if self.parameters:
            yield f"The same without a budget: --params '{','.join(_dotted(self.parameters))}'"


def _dotted(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Write settings as ``--params`` reads them."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{above}{name}.")
        else:
            yield f"{above}{name}={json.dumps(value).replace(' ', '')}"


@dataclass
class Memory:
    """What a data folder knows of earlier budgets.

    Attributes:
        speeds: Of members, by all that they depend on.
        choices: By minutes, members and photos.
        finished: For each member how it was last finished.
    """

    speeds: dict[str, Speeds] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Memory:
        """Read it; a damaged one is begun anew."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((folder / MEMORY).read_bytes()))
        return cls()

    def keep(self, folder: Path) -> None:
        """Write it down."""
        file = folder / MEMORY
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as unfinished:
            unfinished.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")


def finished_key(member: Member, train: int, test: int, parameters: Mapping[str, Any]) -> str:
    """Name what a finished member depends on, as far as is known before a run.

    Args:
        member: The member.
        train: Train photos.
        test: Photos to predict.
        parameters: All parameters.
    """
    of_photos = _of_photos(parameters).model_dump(mode="json", exclude=NOT_IN_KEY)
    return content_key([member.kind.name, member.parameters, train, test, of_photos])


def _of_photos(parameters: Mapping[str, Any]) -> DataProcessingParameters:
    return DataProcessingParameters.model_validate(parameters.get("data_processing") or {})


class Budget:
    """Plans the members of a run."""

    def __init__(
        self, members: Members, parameters: Mapping[str, Any], given: Mapping[str, Any]
    ) -> None:
        """Take what there is to choose from.

        Args:
            members: Members that could run, as they are described.
            parameters: All parameters, those of members among them.
            given: Those of the command line, which no size changes.
        """
        self._members = {member.name: member for member in members}
        self._parameters, self._given = parameters, given
        self._settings = _of_photos(parameters)

    def plan(self, minutes: float, photos: PhotoFolder, folder: Path, memory: Memory) -> Plan:
        """Choose members and their sizes, or take what was chosen before.

        Args:
            minutes: How long the run may take, the trial included.
            photos: The photos.
            folder: The data folder.
            memory: What is known of earlier budgets there; it learns of this one.

        Raises:
            BudgetError: No member fits.
            EncoderError: A member cannot be built.
            TrainingError: A member cannot be trained here.
        """
        is_train = photos.listing["split"] == "train"
        settings = self._settings
        counts = PhotoCounts(
            int(is_train.sum()),
            int((~is_train).sum()),
            settings.folds,
            settings.calibration_fraction,
        )
        described = {
            name: [member.kind.name, member.parameters] for name, member in self._members.items()
        }
        of_photos = settings.model_dump(mode="json", exclude=NOT_IN_KEY)
        key = content_key([minutes, counts, of_photos, described])
        if (chosen := memory.choices.get(key)) is not None:
            known = {name: Size(**size) for name, size in chosen["sizes"].items()}
            return Plan(**{**chosen, "sizes": known, "known": True})
        tell(f"Trying the members on {SAMPLE_PHOTOS} photos, to see what fits minutes={minutes:g}")
        started = time.perf_counter()
        busy = processes_a_processor()
        reading, speeds = self._measure(photos, memory)
        # What was measured was as slow as the machine is busy; what is guessed was not.
        rest = busy * (REST + REST_A_PHOTO * counts.all) + reading * counts.all
        tried = time.perf_counter() - started
        sizes = {
            name: self._sized(member, speeds[name], counts, folder, memory)
            for name, member in self._members.items()
        }
        builds_on = {
            name: [other.member for other in member.references.values()]
            for name, member in self._members.items()
        }
        learning = {name for name in speeds if "learning" in speeds[name]}
        free = minutes * 60 * (1 - RESERVE) - rest - tried
        taken, left_out = choose(sizes, builds_on, learning, free)
        if not taken:
            memory.keep(folder)
            raise BudgetError(_too_few(minutes, sizes, rest, tried))
        plan = Plan(minutes, taken, left_out, rest)
        memory.choices[key] = asdict(plan)
        return plan

    def _measure(self, photos: PhotoFolder, memory: Memory) -> tuple[float, dict[str, Speeds]]:
        """Measure seconds of reading a photo, and the speeds of members where they are not known.

        Raises:
            BudgetError: There are no photos to try.
        """
        here = [gethostname(), len(photos.class_names), SAMPLE_PHOTOS, HEADS_PHOTOS]
        speeds: dict[str, Speeds] = {}
        with TemporaryDirectory() as scratch:
            tables, reading = self._sample(photos, Path(scratch))
            for name, member in self._members.items():
                key = content_key([*here, member.kind.name, member.parameters])
                if key not in memory.speeds:
                    sample = Sample(tables, self._settings.folds, Path(scratch) / name, speeds)
                    memory.speeds[key] = member.kind.speeds(member.parameters, sample)
                speeds[name] = memory.speeds[key]
        return reading, speeds

    def _sample(self, photos: PhotoFolder, scratch: Path) -> tuple[TrainingTables, float]:
        """Read a few photos, spread over the classes, and say what reading one takes."""
        import pandas as pd

        from chajong.members.trained.tables import TrainingTables
        from chajong.names.aliases import merge_aliases
        from chajong.names.table import class_table
        from chajong.photos.preparation import open_photo_cache, prepare_photos
        from chajong.photos.store import PhotoStore
        from chajong.photos.table import readable_photos

        listing = photos.listing
        train = listing[(listing["split"] == "train") & listing["found"]]
        few = train.iloc[:: max(1, len(train) // SAMPLE_PHOTOS)][:SAMPLE_PHOTOS]
        settings, started = self._settings, time.perf_counter()
        cache = open_photo_cache(scratch, settings.store)
        table, jpegs = prepare_photos(photos.read, few, settings.store, cache)
        reading = (time.perf_counter() - started) / max(1, len(few))
        readable = readable_photos(table, "train")
        if len(readable) < 2:
            raise BudgetError(f"{photos.root} has too few photos that can be read to plan with.")
        folds = pd.DataFrame({"photo_id": readable["photo_id"].tolist()})
        folds = folds.assign(group=folds.index, fold=folds.index % 2, label_counts=True, encoder="")
        classes = class_table(merge_aliases(photos.class_names, settings.aliases))
        return TrainingTables(table, classes, folds, PhotoStore(jpegs)), reading

    def _sized(
        self, member: Member, speeds: Speeds, counts: PhotoCounts, folder: Path, memory: Memory
    ) -> list[Size]:
        """Say what each size of a member takes, the largest first; finished ones take nothing.

        A member that builds on others is never taken for finished: they may change their size.
        """
        given = self._given.get(member.name) or {}
        scratch = folder / SCRATCH / member.name
        sizes: list[Size] = []
        seen: list[Any] = []
        for changes in member.kind.sizes(member.parameters):
            block = merged(merged(self._parameters[member.name], changes), given)
            parameters = member.kind.parameters.model_validate(block)
            if parameters in seen:
                continue
            seen.append(parameters)
            sized = replace(member, parameters=parameters)
            key = finished_key(sized, counts.train, counts.test, self._parameters)
            finished = not member.references and memory.finished.get(member.name) == key
            seconds = member.kind.seconds(parameters, speeds, counts, scratch)
            sizes.append(Size(changes, 0.0 if finished else seconds))
        return sizes


def processes_a_processor() -> float:
    """Say among how many processes, on average of the last minute, a processor is shared."""
    return max(1.0, psutil.getloadavg()[0] / (os.cpu_count() or 1))


def choose(
    sizes: Mapping[str, Sequence[Size]],
    builds_on: Mapping[str, Collection[str]],
    learning: Collection[str],
    seconds: float,
) -> tuple[dict[str, Size], dict[str, str]]:
    """Take as many members as fit at their least size, then let each grow as far as fits.

    Frozen members come before trained ones, quick ones before slow ones, and every member after
    those that it builds on.

    Args:
        sizes: Of each member, the largest first.
        builds_on: The members that it needs.
        learning: The members that are trained.
        seconds: How much there is.

    Returns:
        The size of each member that is taken, and why the others are not.
    """
    least = {name: min(each, key=lambda size: size.seconds) for name, each in sizes.items()}
    waiting, left_out = set(sizes), dict[str, str]()
    taken: dict[str, Size] = {}
    while waiting:
        ready = [name for name in waiting if not waiting.intersection(builds_on[name])]
        name = min(ready, key=lambda each: (each in learning, least[each].seconds, each))
        waiting.remove(name)
        absent = [other for other in builds_on[name] if other in left_out]
        if absent:
            left_out[name] = f"It builds on {absent[0]}."
        elif least[name].seconds > seconds:
            left_out[name] = (
                f"It takes about {spoken(least[name].seconds)} at its least size, and "
                f"{spoken(max(0.0, seconds))} are left."
            )
        else:
            taken[name] = least[name]
            seconds -= least[name].seconds
    for name, size in list(taken.items()):
        seconds += size.seconds
        taken[name] = next(larger for larger in sizes[name] if larger.seconds <= seconds)
        seconds -= taken[name].seconds
    return taken, left_out


def _too_few(minutes: float, sizes: Mapping[str, Sequence[Size]], rest: float, tried: float) -> str:
    quickest = min((size.seconds, name) for name, each in sizes.items() for size in each)
    needed = math.ceil((quickest[0] + rest) / (1 - RESERVE) / 60)
    again = f"Give minutes={needed}" if needed > minutes else "Run the same again"
    return (
        f"minutes={minutes:g} is too few: {quickest[1]}, the quickest member, takes about "
        f"{spoken(quickest[0])}, all else about {spoken(rest)}, and the trial took "
        f"{spoken(tried)}. {again}: the speeds that were measured are kept."
    )
