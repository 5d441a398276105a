"""Where long work is computed, as a person says it, and what an engine raises."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from chajong.parameters import Strict
from chajong.slip import SlipError


class EngineError(SlipError, RuntimeError):
    """Machines that cannot do the work; the message says why and what to do."""


class Engine(Strict):
    """Where features are extracted, folds are trained and asked, and new photos are answered.

    Attributes:
        kind: ``local`` is this machine, where the folds of a member are trained side by side on a
            CPU and one after another on an accelerator; ``ray`` the machines of a Ray cluster.
        address: Of the cluster, such as ``10.0.0.1:6379``; where it is not given, one of this
            machine alone is started.
        cpus: Processor cores for a share of the work, such as a fold, besides a GPU where the
            cluster has any. More of them let fewer shares run at once, which need less memory.
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
