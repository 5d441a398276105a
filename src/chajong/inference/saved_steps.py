"""The steps after the pool as tensors and JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.ensembling.family_temperature import FamilyTemperatures
from chajong.ensembling.gate import GATE_CLOSED, Gate
from chajong.ensembling.refinement import RefiningSteps
from chajong.ensembling.specialists.directions import Directions
from chajong.ensembling.specialists.family_head import FamilyHead
from chajong.ensembling.specialists.specialists import NO_SPECIALISTS, Specialists
from chajong.inference.ensemble import KnownPhotos
from chajong.members.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

GATE_ARRAYS = ("slopes", "centre", "scale", "log_prior")
HEAD_ARRAYS = ("classes", "centre", "scale", "weights")


def steps_checkpoint(steps: RefiningSteps, known: KnownPhotos | None) -> Checkpoint:
    """Lay out the steps, of the specialists those that are used.

    Args:
        steps: The steps.
        known: The train photos' features, where the gate looks at them.
    """
    heads = steps.specialists.kept
    arrays: dict[str, np.ndarray] = {}
    if heads and steps.specialists.directions is not None:
        arrays["directions.centre"] = steps.specialists.directions.centre
        arrays["directions.projection"] = steps.specialists.directions.projection
    for place, head in enumerate(heads):
        arrays |= {f"head_{place}.{name}": getattr(head, name) for name in HEAD_ARRAYS}
    if not steps.gate.closed:
        arrays |= {f"gate.{name}": getattr(steps.gate, name) for name in GATE_ARRAYS}
    if known is not None:
        arrays |= {"known.features": known.features, "known.folds": known.folds}
    configuration = {
        "families": [list(family) for family in steps.families.families],
        "temperatures": list(steps.families.temperatures),
        "heads": [
            {
                "penalty": float(head.penalty),
                "photos": int(head.photos),
                "gain": float(head.gain),
                "interval": [float(end) for end in head.interval],
            }
            for head in heads
        ],
        "gate_intercept": None if steps.gate.closed else steps.gate.intercept,
    }
    return Checkpoint(_tensors(arrays), configuration)


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def steps_from_checkpoint(checkpoint: Checkpoint) -> tuple[RefiningSteps, KnownPhotos | None]:
    """Read back what `steps_checkpoint` laid out."""
    arrays = {name: tensor.numpy() for name, tensor in checkpoint.tensors.items()}
    configuration = checkpoint.configuration
    families = FamilyTemperatures(
        tuple(tuple(family) for family in configuration["families"]),
        tuple(configuration["temperatures"]),
    )
    steps = RefiningSteps(
        families, _specialists(arrays, configuration), _gate(arrays, configuration)
    )
    if "known.features" not in arrays:
        return steps, None
    return steps, KnownPhotos(arrays["known.features"], arrays["known.folds"])


def _specialists(arrays: dict[str, np.ndarray], configuration: dict[str, Any]) -> Specialists:
    if not configuration["heads"]:
        return NO_SPECIALISTS
    heads = []
    for place, numbers in enumerate(configuration["heads"]):
        own: dict[str, Any] = {name: arrays[f"head_{place}.{name}"] for name in HEAD_ARRAYS}
        heads.append(FamilyHead(**own, **{**numbers, "interval": tuple(numbers["interval"])}))
    directions = Directions(arrays["directions.centre"], arrays["directions.projection"])
    # Whether a head is used depends on how many were tried beside it; all of these are.
    return Specialists(directions, tuple(heads))


def _gate(arrays: dict[str, np.ndarray], configuration: dict[str, Any]) -> Gate:
    if configuration["gate_intercept"] is None:
        return GATE_CLOSED
    return Gate(
        configuration["gate_intercept"], **{name: arrays[f"gate.{name}"] for name in GATE_ARRAYS}
    )
