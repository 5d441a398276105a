"""Whether a model answers as it did when it was saved, on the same kind of machine or another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.device import best_device
from chajong.members.checkpoint import CheckpointError

if TYPE_CHECKING:
    from chajong.members.checkpoint import Checkpoint

FULL_PRECISION = "float32"

AGREEMENT = 1e-3
"""Largest difference of a log-probability where device and precision are the same."""

AGREEMENT_IN_HALF_PRECISION = 0.1
"""As `AGREEMENT`, where numbers have 8 or 11 significant bits."""

SHARE = 0.005
"""Mean difference on another device, as a share of 1 nat and the answers' own mean deviation.

Orders of operations differ between devices; float32 makes some 1e-5 of that.
"""

SHARE_IN_HALF_PRECISION = 0.08
"""As `SHARE`, where one of both computed in half precision.

A network of a few layers differs by 0.003 to 0.005 of it, by 0.025 where its weights are rounded
before they are quantised too; with another adapter, head or mixed-up weights by 0.25 or more.
"""

FIRST_NAMES = 3
"""How many of a photo's most probable names have to come in the same order."""

KEY = "computed"
"""Where a checkpoint's configuration keeps its `Arithmetic`."""


@dataclass(frozen=True)
class Arithmetic:
    """How answers were computed.

    Attributes:
        device: ``cpu``, or what the accelerator is called: another one rounds otherwise.
        precision: ``float32``, ``bfloat16`` or ``float16``, the coarsest of all steps.
    """

    device: str
    precision: str

    def written(self) -> dict[str, dict[str, str]]:
        """Give what a checkpoint's configuration keeps."""
        return {KEY: asdict(self)}


ON_THE_CPU = Arithmetic("cpu", FULL_PRECISION)


def arithmetic_here(precision: str = FULL_PRECISION) -> Arithmetic:
    """Say how answers are computed on the best device of this machine.

    Args:
        precision: As torch names it, with or without ``torch.``.
    """
    import torch

    device = best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Arithmetic(name, precision.removeprefix("torch."))


def saved_arithmetic(configuration: dict[str, Any]) -> Arithmetic:
    """Read how a checkpoint's proof was computed.

    Those of earlier versions name no device, and a precision only where it may have been bfloat16.
    """
    if KEY in configuration:
        return Arithmetic(**configuration[KEY])
    half = configuration.get("precision") == "torch.bfloat16"
    return Arithmetic("unknown", "bfloat16" if half else FULL_PRECISION)


def check_proof(
    scored: np.ndarray, checkpoint: Checkpoint, fold: int, computed: Arithmetic
) -> None:
    """Compare what a loaded fold model says about the proof photos with what it said when saved.

    Args:
        scored: Log-probabilities [photos, classes] of the loaded model.
        checkpoint: Keeps the saved ones as `proof.fold_<fold>`, and how they were computed.
        fold: The fold.
        computed: How the loaded model's were computed.

    Raises:
        CheckpointError: They differ by more than `disagreement` puts down to the arithmetic, or
            there are none.
    """
    tensor = checkpoint.tensors.get(f"proof.fold_{fold}")
    saved = np.empty((0, 0)) if tensor is None else tensor.numpy()
    if not len(saved) or saved.shape != scored.shape:
        message = (
            f"The checkpoint keeps scores {saved.shape} of its model of fold {fold}, which gives "
            f"{scored.shape}: the files do not belong together. Run the pipeline that makes it "
            "again."
        )
        raise CheckpointError(message)
    before = saved_arithmetic(checkpoint.configuration)
    found = disagreement(scored, saved, computed, before)
    if found:
        message = (
            f"The checkpoint's model of fold {fold} {found} the scores that were saved with it "
            f"({before.precision} on {before.device}, now {computed.precision} on "
            f"{computed.device}): the files do not belong together, or one was changed. Run the "
            "pipeline that makes it again."
        )
        raise CheckpointError(message)


def disagreement(
    scored: np.ndarray, saved: np.ndarray, computed: Arithmetic, before: Arithmetic
) -> str | None:
    """Say in which way answers differ more than the arithmetic explains.

    Where it was the same, no log-probability may differ; else see `beyond_rounding`.

    Args:
        scored: Log-probabilities [photos, names].
        saved: The same, of the model as it was.
        computed: How the first were computed.
        before: How the second were.

    Returns:
        The end of a sentence that begins with the model and goes on with what it is compared with,
        or None where the answers agree. What is not a number never agrees.
    """
    half = {computed.precision, before.precision} != {FULL_PRECISION}
    if computed != before:
        return beyond_rounding(scored, saved, SHARE_IN_HALF_PRECISION if half else SHARE)
    largest = float(np.abs(scored - saved).max(initial=0.0))
    agreed = largest <= (AGREEMENT_IN_HALF_PRECISION if half else AGREEMENT)
    return None if agreed else f"differs by {largest:.3g} from"


def beyond_rounding(
    scored: np.ndarray, saved: np.ndarray, share: float = SHARE_IN_HALF_PRECISION
) -> str | None:
    """Say in which way answers differ more than by rounding.

    Single log-probabilities may: half precision moves the log-likelihood of a name of many tokens
    by tenths. The mean difference has to be small beside how far apart the answers themselves are,
    and the first names have to keep their order unless they are as close to one another. The
    divergence of the answers is not asked: it hardly tells models apart that are sure of the same
    names.

    Args:
        scored: Log-probabilities [photos, names], at least one photo.
        saved: The same, of the model as it was.
        share: How large a difference is small.

    Returns:
        As `disagreement`.
    """
    with np.errstate(invalid="ignore"):  # what is not a number is refused below
        deviation = float(np.abs(saved - saved.mean(axis=1, keepdims=True)).mean())
        allowed = share * (1 + deviation)
        mean = float(np.abs(scored.astype(np.float64) - saved).mean())
    if not mean <= allowed:
        return f"differs by {mean:.3g} nats on average, more than {allowed:.3g}, from"
    if _farthest_out_of_place(scored, saved) > 2 * allowed:
        return "puts the first names in another order than"
    return None


def _farthest_out_of_place(scored: np.ndarray, saved: np.ndarray) -> float:
    """Say how far apart saved answers are that changed places among a photo's first ones."""
    order = np.argsort(-scored, axis=1)[:, :FIRST_NAMES]
    first = -np.sort(-saved, axis=1)[:, :FIRST_NAMES]
    return float(np.abs(np.take_along_axis(saved, order, axis=1) - first).max())
