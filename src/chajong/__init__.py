"""chajong: tell look-alike car models apart from photos, with calibrated probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chajong.threads import share_processors

if TYPE_CHECKING:
    from chajong.inference.classifier import CarClassifier

__version__ = "0.1.0"
__all__ = ["CarClassifier", "__version__"]

share_processors()


def __getattr__(name: str) -> Any:
    """Import `CarClassifier` when it is asked for: `kedro` starts without reading its libraries."""
    if name == "CarClassifier":
        from chajong.inference.classifier import CarClassifier

        return CarClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
