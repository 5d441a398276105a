"""The last thing a person reads after new photos were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.answers import Answers

NAMED_PHOTOS = 3
"""How many bad photos a summary names before it only counts them."""


def answers_summary(answers: Answers, results: Path) -> str:
    """Put answers into a few lines.

    Args:
        answers: One row a photo or vehicle.
        results: The folder that the results are in.
    """
    bad = answers.rows[answers.rows["status"] != "ok"]
    best = np.exp(answers.log_probabilities.max(axis=1))
    good = best[(answers.rows["status"] == "ok").to_numpy()]
    lines = [("photos", f"{len(answers.rows):,} answered, {len(bad):,} of them could not be read")]
    if len(good):
        sure = f"{good.mean():.1%} on average, so that about as many first names are right"
        lines.append(("certainty", sure))
    for photo, reason in list(zip(bad["photo"], bad["reason"], strict=True))[:NAMED_PHOTOS]:
        lines.append(("not read", f"{photo} ({reason}): it has the class prior"))
    if len(bad) > NAMED_PHOTOS:
        lines.append(("not read", f"and {len(bad) - NAMED_PHOTOS:,} more: see `status`"))
    folder = results / "07_model_output" / "new_photos"
    lines.append(("results", f"{folder} (top_k.csv, top_k.parquet, probabilities.parquet)"))
    return "\n".join(f"  {label:12} {text}" for label, text in lines) + "\n"
