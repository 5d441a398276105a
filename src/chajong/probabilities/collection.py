"""All predictions that exist: of this project's members and of others' tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from chajong.probabilities.external import read_external_member
from chajong.probabilities.predictions import Predictions


def collect_predictions(
    trained: Mapping[str, Predictions | None],
    external: Mapping[str, pd.DataFrame],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> dict[str, Predictions]:
    """Gather predictions by member; a table of others is called by its file's name.

    Args:
        trained: Each member's predictions, None where there are none.
        external: Probability tables of others, by file name.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Raises:
        ExternalMemberError: A table of others cannot be read as predictions.
    """
    dropped_in = {
        Path(file).stem: read_external_member(table, classes, folds, photos, file)
        for file, table in external.items()
    }
    return {**{name: found for name, found in trained.items() if found}, **dropped_in}
