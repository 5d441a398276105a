"""A `photos` table of readable train photos, for tests of what is made of it."""

from collections.abc import Sequence

import pandas as pd


def photo_table(photo_ids: Sequence[str], class_names: Sequence[str]) -> pd.DataFrame:
    """One row a train photo, each with a content of its own."""
    return pd.DataFrame(
        {
            "photo_id": photo_ids,
            "split": "train",
            "class_name": class_names,
            "status": "ok",
            "sha256": [f"{number:064x}" for number in range(len(photo_ids))],
        }
    )
