"""Pictures that Matplotlib draws."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kedro.io import DatasetError
from kedro_datasets._typing import ImagePreview

from chajong.datasets.local import LocalDataset
from chajong.whole import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PictureDataset(LocalDataset["Figure", None]):
    """Saves a figure as a picture, of the kind that the file's ending names."""

    def read(self, path: Path) -> NoReturn:
        """Refuse: a picture is no figure again.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(f"{path} is a picture, which is looked at and not loaded.")

    def write(self, data: Figure, path: Path) -> None:
        """Write the file."""
        with whole_file(path) as unfinished:
            data.savefig(unfinished, format=path.suffix.removeprefix("."))

    def preview(self) -> ImagePreview:
        """Give the picture to Kedro-Viz."""
        return ImagePreview(b64encode(Path(self._get_load_path()).read_bytes()).decode())
