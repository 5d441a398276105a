"""Proof that a saved ensemble answers as the run that made it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.device import best_device
from chajong.members.checkpoint import PROOF_PHOTOS
from chajong.members.proof import AGREEMENT, ON_THE_CPU, beyond_rounding, saved_arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from chajong.inference.classifier import CarClassifier
    from chajong.members.checkpoint import Checkpoint
    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions


class AgreementError(ValueError):
    """A saved ensemble that answers otherwise than its run did."""


def compare_with_run(
    classifier: CarClassifier, predictions: Predictions, photos: pd.DataFrame, store: PhotoStore
) -> dict[str, Any]:
    """Ask about some photos that no model was trained on, and compare with the run.

    Args:
        classifier: The saved ensemble.
        predictions: What the run says of the calibration and test photos.
        photos: The `photos` table.
        store: The run's photos.

    Returns:
        `photos`, how many were compared, and `largest_difference` of a probability; no difference
        where there is no such photo.

    Raises:
        AgreementError: A probability differs by more than `AGREEMENT`; where an accelerator takes
            part, which answers in half precision and rounds batches of another size otherwise,
            the answers differ by more than rounding.
    """
    expected = predictions.take(_compared(predictions.rows["split"].to_numpy()))
    if not len(expected.rows):
        return {"photos": 0, "largest_difference": None}
    contents = photos.set_index("photo_id").loc[expected.rows["photo_id"], "sha256"].tolist()
    answered = classifier.ensemble.log_probabilities(classifier.asked(contents, store))
    difference = float(np.abs(np.exp(answered) - np.exp(expected.log_probabilities)).max())
    if _all_on_the_cpu(classifier.ensemble.checkpoints.values()):
        agreed = difference <= AGREEMENT
    else:
        agreed = beyond_rounding(answered, expected.log_probabilities) is None
    if not agreed:
        message = (
            f"The saved ensemble's probabilities of {len(contents)} photos differ by up to "
            f"{difference:.3g} from those of the run: run the pipelines of its members again, "
            "whose checkpoints do not belong to their predictions."
        )
        raise AgreementError(message)
    return {"photos": len(contents), "largest_difference": difference}


def _compared(splits: np.ndarray) -> np.ndarray:
    """Choose `PROOF_PHOTOS` rows evenly: test photos, and as many of the calibration slice."""
    test, slice_ = (np.flatnonzero(splits == split) for split in ("test", "calibration"))
    of_test = min(len(test), max(PROOF_PHOTOS // 2, PROOF_PHOTOS - len(slice_)))
    of_slice = min(len(slice_), PROOF_PHOTOS - of_test)
    return np.concatenate([_evenly(test, of_test), _evenly(slice_, of_slice)])


def _evenly(rows: np.ndarray, count: int) -> np.ndarray:
    """Take the first row, the last one, and those at even distances between."""
    chosen: np.ndarray = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    return chosen


def _all_on_the_cpu(checkpoints: Iterable[Checkpoint]) -> bool:
    """Tell whether every member answered on a CPU and answers there now, always in float32."""
    configurations = [checkpoint.configuration for checkpoint in checkpoints]
    devices = {
        configuration.get("encoded_on", saved_arithmetic(configuration).device)
        for configuration in configurations
    }
    return {best_device().type, *devices} == {ON_THE_CPU.device}
