"""Photos as they are shown where faces and number plates are not to be read."""

from __future__ import annotations

from chajong.photos.blurring import blurred_jpeg
from chajong.photos.store import PhotoStore


class BlurredStore(PhotoStore):
    """A photo store whose photos have their faces and number plates blurred when they are read."""

    def jpeg(self, sha256: str) -> bytes:
        """Read one photo, blurred as far as faces and plates are found.

        Raises:
            KeyError: The store has no such photo.
            BlurringError: OpenCV is absent.
        """
        return blurred_jpeg(super().jpeg(sha256))
