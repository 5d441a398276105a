"""The last thing a person reads after new photos were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.ensembling.summary import NAMED_PHOTOS, laid_out
from chajong.ensembling.texts import text, told

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.answers import Answers
    from chajong.texts import Language


def answers_summary(answers: Answers, results: Path, language: Language = "en") -> str:
    """Put answers into a few lines.

    Args:
        answers: One row a photo or vehicle.
        results: The folder that the results are in.
        language: The reader's.
    """
    is_good = (answers.rows["status"] == "ok").to_numpy()
    bad = answers.rows[~is_good]
    best = np.exp(answers.log_probabilities.max(axis=1))[is_good]
    lines = [("photos", text("answered", language, count=len(answers.rows), bad=len(bad)))]
    if len(best):
        lines.append(("certainty", text("sure", language, mean=best.mean())))
    for photo, reason in list(zip(bad["photo"], bad["reason"], strict=True))[:NAMED_PHOTOS]:
        said = text("answered_by_prior", language, photo=photo, reason=told(reason, language))
        lines.append(("no photo", said))
    if len(bad) > NAMED_PHOTOS:
        lines.append(("no photo", text("more_bad", language, count=len(bad) - NAMED_PHOTOS)))
    folder = results / "07_model_output" / "new_photos"
    lines.append(("results", f"{folder} (top_k.csv, top_k.parquet, probabilities.parquet)"))
    return laid_out(lines, language)
