"""The `classes` table: every class name of the submission, parsed, with its effective class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np


def class_table(effective_classes: Mapping[str, str]) -> pd.DataFrame:
    """Lay out class names with what their parts say.

    Args:
        effective_classes: Every class name, in the order of the submission, with the name of its
            effective class, from `chajong.names.aliases.merge_aliases`.

    Returns:
        One row a name: `class_id`, `name`, `effective_class`, `effective_id` (the position among
        the effective classes), the parsed parts, and Korean and English prompts.
    """
    parsed = [parse_name(name) for name in effective_classes]
    effective = pd.Series(list(effective_classes.values()), dtype=object)
    table = pd.DataFrame(
        {
            "class_id": range(len(parsed)),
            "name": [name.name for name in parsed],
            "effective_class": effective,
            "effective_id": pd.factorize(effective)[0],
        }
    )
    for part in ("stem", "base", "generation", "facelift", "powertrain"):
        table[part] = pd.Series([getattr(name, part) for name in parsed], dtype=object)
    for part in ("first_year", "last_year"):
        table[part] = pd.array([getattr(name, part) for name in parsed], dtype="Int64")
    for part in ("maker", "english"):
        table[part] = pd.Series([getattr(name, part) for name in parsed], dtype=object)
    table["korean_prompts"] = pd.Series([korean_prompts(name) for name in parsed], dtype=object)
    table["english_prompts"] = pd.Series([english_prompts(name) for name in parsed], dtype=object)
    return table


def effective_labels(class_names: Iterable[str], classes: pd.DataFrame) -> np.ndarray:
    """Number class names by their effective class.

    Args:
        class_names: Names of the `classes` table, any number of times.
        classes: The `classes` table.

    Returns:
        int64 of shape [names].

    Raises:
        KeyError: A name is not in the table.
    """
    numbers: np.ndarray = (
        classes.set_index("name").loc[list(class_names), "effective_id"].to_numpy()
    )
    return numbers
