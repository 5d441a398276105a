"""Where long work is computed: in processes of this machine, or on the machines of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from chajong.engine.parameters import Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["HERE", "Engine", "EngineError", "side_by_side", "spread"]

Share = TypeVar("Share")
Result = TypeVar("Result")

HERE = Engine()


def spread(
    engine: Engine,
    make: Callable[[], Callable[[Share], Result]],
    shares: Iterable[Share],
    gpus: int = 1,
) -> Iterator[tuple[int, Result]]:
    """Compute shares of work that do not need one another.

    On a machine with an accelerator they are computed one after another in this process, on others
    by as many processes as there is room for. A cluster computes them wherever it has room.

    Args:
        engine: Where they are computed.
        make: Makes what computes a share, with all that it needs for every share, such as a model;
            a worker keeps it from one share to the next.
        shares: What is computed.
        gpus: GPUs for each share, where there are any.

    Yields:
        The place of a share and its result, as they are finished.

    Raises:
        EngineError: There is no cluster, or workers were lost, on a cluster again and again.
        Exception: What was raised by what `make` makes.
    """
    if engine.kind == "ray":
        from chajong.engine.cluster import spread_on_cluster

        return spread_on_cluster(engine, make, shares, gpus)
    from chajong.engine.processes import spread_here

    return spread_here(engine, make, list(shares), gpus)


def side_by_side(engine: Engine, shares: int, gpus: int = 1) -> bool:
    """Say whether shares are computed by other processes than this one; see `spread`."""
    if engine.kind == "ray":
        return True
    from chajong.engine.processes import workers_here

    return workers_here(engine, shares, gpus) > 1
