"""The ensemble in figures: what a run keeps beside its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.predictions.scoring import out_of_fold_metrics

if TYPE_CHECKING:
    import pandas as pd

    from chajong.ensembling.refinement import Refined
    from chajong.ensembling.shift_aware import ShiftAwarePool


def ensemble_report(
    shift_aware: ShiftAwarePool, refined: Refined, photos: pd.DataFrame, classes: pd.DataFrame
) -> dict[str, Any]:
    """Gather the figures of an ensemble.

    Args:
        shift_aware: The pool.
        refined: The ensemble after its last step.
        photos: The `photos` table.
        classes: The `classes` table.

    Returns:
        What JSON can hold: the metrics of `out_of_fold_metrics`, what was pooled and skipped, the
        pool with its weights and every method's cross-fitted log loss, both temperatures, the
        members' contributions, and how the shift was treated.
    """
    pooled = shift_aware.pooled
    chosen = pooled.pool.pool
    return {
        "contract": refined.predictions.contract,
        "members": list(pooled.members),
        "skipped": pooled.skipped,
        "pool": {
            "method": chosen.method,
            "weights": dict(zip(pooled.members, chosen.weights, strict=True)),
            "temperature": chosen.temperature,
            "floor": chosen.floor,
            "losses": pooled.pool.losses,
        },
        "out_of_fold_temperature": pooled.out_of_fold_temperature,
        "final_temperature": pooled.final_temperature,
        "temperature_source": pooled.temperature_source,
        "contributions": pooled.contributions.to_dict("records"),
        "shift": {
            "fitting": shift_aware.fitting,
            "reason": shift_aware.reason,
            "figures": shift_aware.figures,
        },
        **out_of_fold_metrics(refined.predictions, photos, classes),
    }
