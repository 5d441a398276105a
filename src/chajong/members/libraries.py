"""The code that answers depend on: this package's own, and that of libraries."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

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


@cache
def program() -> str:
    """Name this package's own code by its content: in a checkout its version stays as it was."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(f"{file.relative_to(package)}\n".encode())
        digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()
