"""Where long work is computed: in this process, or in shares by the machines of a Ray cluster."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from socket import create_connection, gethostname
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import uuid4

from pydantic import Field, model_validator

from chajong.parameters import Strict
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ray import ObjectRef

Share = TypeVar("Share")
Result = TypeVar("Result")

RETRIES = 5
"""How often a share is given to another worker after one was lost with it."""

SHARES_WAITING = 2
"""Shares under way for each that can be computed at once: a worker that is done finds the next."""

ANSWER_SECONDS = 10
"""How long a cluster is waited for."""


class EngineError(SlipError, RuntimeError):
    """Machines that cannot do the work; the message says why and what to do."""


class Engine(Strict):
    """Where features are extracted, folds are trained and new photos are answered.

    Attributes:
        kind: ``local`` is this process; ``ray`` the machines of a Ray cluster.
        address: Of the cluster, such as ``10.0.0.1:6379``; where it is not given, one of this
            machine alone is started.
        cpus: Processor cores for a share of the work, besides a GPU where the cluster has any.
    """

    kind: Literal["local", "ray"] = "local"
    address: str | None = Field(None, pattern=r"^[^:/]+:\d+$")
    cpus: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _address_is_used(self) -> Engine:
        if self.address is not None and self.kind == "local":
            message = (
                f"engine.address is {self.address!r}, and engine.kind is local, which has no "
                "address: set engine.kind=ray, or leave the address away."
            )
            raise ValueError(message)
        return self


HERE = Engine()


def spread(
    engine: Engine,
    make: Callable[[], Callable[[Share], Result]],
    shares: Iterable[Share],
    gpus: int = 1,
) -> Iterator[tuple[int, Result]]:
    """Compute shares of work on the machines of a Ray cluster.

    Shares that were lost with their worker or machine are computed again. They are taken from the
    iterator as workers become free, so that no more than a few are in memory.

    Args:
        engine: Of kind ``ray``.
        make: Makes what computes a share, with all that it needs for every share, such as a model;
            a worker keeps it from one share to the next.
        shares: What is computed.
        gpus: GPUs for each share, where the cluster has any.

    Yields:
        The place of a share and its result, as they are finished.

    Raises:
        EngineError: There is no cluster, or workers were lost again and again.
        Exception: What was raised by what `make` makes.
    """
    _connect(engine)
    import ray

    on_gpus = ray.cluster_resources().get("GPU", 0) > 0
    needed = {"CPU": engine.cpus, "GPU": gpus if on_gpus else 0}
    _check_room(needed)
    compute = ray.remote(_compute).options(
        num_cpus=needed["CPU"],
        num_gpus=needed["GPU"],
        max_retries=RETRIES,
        scheduling_strategy="SPREAD",
    )
    # In a list, so that Ray hands it over as it is, and a worker opens it once.
    maker = (uuid4().hex, [ray.put(make)])
    remaining = enumerate(shares)
    waiting: dict[ObjectRef[Any], int] = {}
    try:
        while True:
            room = SHARES_WAITING * _at_once(needed) - len(waiting)
            for place, share in islice(remaining, max(0, room)):
                waiting[compute.remote(str(Path.cwd()), maker, share)] = place
            if not waiting:
                return
            (finished, *_), _ = ray.wait(list(waiting), num_returns=1)
            place = waiting.pop(finished)
            yield place, _result(finished)
    finally:
        for unfinished in waiting:
            ray.cancel(unfinished)


def _connect(engine: Engine) -> None:
    """Connect this process to the cluster, once."""
    # No telemetry, which a cluster of this machine alone would send.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        message = "engine.kind is ray, which is not installed: pip install 'chajong[ray]'."
        raise EngineError(message) from error
    if ray.is_initialized():
        return
    if engine.address is None:
        ray.init(include_dashboard=False, _node_ip_address="127.0.0.1")
        return
    host, port = engine.address.split(":")
    try:
        # Ray itself tries for minutes.
        with create_connection((host, int(port)), timeout=ANSWER_SECONDS):
            pass
        ray.init(address=engine.address)
    except OSError as error:
        message = (
            f"There is no Ray cluster at {engine.address} ({error}): start one with `ray start "
            "--head`, and give the address that it names as engine.address."
        )
        raise EngineError(message) from error


def _check_room(needed: dict[str, int]) -> None:
    """See that a machine has what a share needs: Ray would wait for one for ever.

    Raises:
        EngineError: None has.
    """
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(has.get(kind, 0) >= each for kind, each in needed.items()) for has in machines):
        message = (
            f"No machine of the Ray cluster has {needed['CPU']} processor cores and "
            f"{needed['GPU']} GPUs for a share of the work: lower engine.cpus (or, for GPUs, "
            "training.processes)."
        )
        raise EngineError(message)


def _at_once(needed: dict[str, int]) -> int:
    """Count the shares that the cluster can compute at once now, at least one."""
    import ray

    has = ray.cluster_resources()
    return max(1, min(int(has.get(kind, 0) // each) for kind, each in needed.items() if each))


def _result(finished: ObjectRef[Any]) -> Any:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(finished)
    except RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
    except RayError as error:
        message = (
            f"A share of the work was lost with its worker {RETRIES + 1} times, which points to "
            f"too little memory on a machine, or to one that fails ({error}). What is finished is "
            "kept: run again, with more engine.cpus a share so that fewer run at once."
        )
        raise EngineError(message) from error


_KEPT: dict[str, Callable[[Any], Any]] = {}
"""What this worker made last, by the work that it was made for."""


def _compute(
    folder: str,
    maker: tuple[str, list[ObjectRef[Any]]],
    share: Any,
) -> Any:
    """Compute a share; this runs in a worker, where relative paths mean the same as in the run."""
    import ray

    if not Path(folder).is_dir():
        message = (
            f"{gethostname()} has no folder {folder}, from which the run was started: with "
            "engine.kind=ray the project lies on every machine under the same path."
        )
        raise EngineError(message)
    os.chdir(folder)
    name, (make,) = maker
    if name not in _KEPT:
        _KEPT.clear()
        _KEPT[name] = ray.get(make)()
    return _KEPT[name](share)
