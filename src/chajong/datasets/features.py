"""Features of one encoder as one Arrow file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.datasets.local import LocalDataset

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.encoders.features import Features


class FeaturesDataset(LocalDataset["Features", "Features"]):
    """Saves a feature matrix, its photo ids and what made it."""

    def read(self, path: Path) -> Features:
        """Read the file."""
        from chajong.encoders.features import features_from_table
        from chajong.tables import read_table

        return features_from_table(read_table(path))

    def write(self, data: Features, path: Path) -> None:
        """Write the file."""
        from chajong.encoders.features import features_to_table
        from chajong.tables import write_table

        write_table(features_to_table(data), path)
