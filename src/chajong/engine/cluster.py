"""Shares of work on the machines of a Ray cluster."""

from __future__ import annotations

import os
from functools import partial
from itertools import islice
from pathlib import Path
from socket import create_connection, gethostname
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from chajong.engine.parameters import EngineError
from chajong.engine.share import compute_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ray import ObjectRef

    from chajong.engine.parameters import Engine

Share = TypeVar("Share")
Result = TypeVar("Result")

RETRIES = 5
"""How often a share is given to another worker after one was lost with it."""

SHARES_WAITING = 2
"""Shares under way for each that can be computed at once: a worker that is done finds the next."""

ANSWER_SECONDS = 10
"""How long a cluster is waited for."""


def spread_on_cluster(
    engine: Engine,
    make: Callable[[], Callable[[Share], Result]],
    shares: Iterable[Share],
    gpus: int,
) -> Iterator[tuple[int, Result]]:
    """Compute shares of work on the machines of a cluster; see `chajong.engine.spread`.

    Shares that were lost with their worker or machine are computed again. They are taken from the
    iterator as workers become free, so that no more than a few are in memory.
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


def _compute(
    folder: str,
    maker: tuple[str, list[ObjectRef[Any]]],
    share: Any,
) -> Any:
    """Compute a share; this runs in a worker."""
    if not Path(folder).is_dir():
        message = (
            f"{gethostname()} has no folder {folder}, from which the run was started: with "
            "engine.kind=ray the project lies on every machine under the same path."
        )
        raise EngineError(message)
    name, (make,) = maker
    return compute_share(folder, name, partial(_made, make), share)


def _made(make: ObjectRef[Any]) -> Any:
    """Make the tool of a work, which is fetched only where it is needed."""
    import ray

    return ray.get(make)()
