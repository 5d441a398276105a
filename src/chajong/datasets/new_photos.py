"""New photos from anywhere as a catalog dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    from chajong.photos.sources import PhotoSource


class NewPhotosDataset(AbstractDataset[None, "list[PhotoSource]"]):
    """Finds photos in a folder, by a glob, in a list, or at an address that fsspec knows."""

    def __init__(self, place: str, metadata: dict[str, Any] | None = None) -> None:
        """Name where the photos are.

        Args:
            place: A folder, a photo, a glob, a list of photos, or an fsspec address.
            metadata: Passed through for Kedro-Viz.
        """
        self._place = place
        self.metadata = metadata

    def load(self) -> list[PhotoSource]:
        """Find the photos; they are read when asked for.

        Raises:
            PhotoSourceError: No place was given, or nothing is there.
        """
        from chajong.photos.sources import PhotoSourceError, find_photos

        if not self._place:
            message = (
                "No photos were named. Give a folder, a glob or a list: "
                "kedro run --pipelines inference --params photos_dir=path/to/photos"
            )
            raise PhotoSourceError(message)
        return find_photos(self._place)

    def save(self, data: None) -> NoReturn:
        """New photos are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("New photos are read-only: give a node another output.")

    def _describe(self) -> dict[str, Any]:
        return {"place": self._place}
