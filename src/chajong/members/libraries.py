"""The libraries that answers depend on."""

from __future__ import annotations

from importlib.metadata import version

LIBRARIES = (
    "chajong",
    "numpy",
    "open_clip_torch",
    "pandas",
    "pillow",
    "scikit-learn",
    "timm",
    "torch",
    "torchvision",
    "transformers",
)


def library_versions() -> dict[str, str]:
    """Give the version of each."""
    return {library: version(library) for library in LIBRARIES}
