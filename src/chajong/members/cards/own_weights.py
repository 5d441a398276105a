"""Weights that this project trained itself on photos that it rendered, told by their content.

`own_weights.csv` has a row for every file of weights that was ever shipped in `data/06_models`:
where one is made anew its row is added, and the old one stays for the ensembles that carry it.
"""

from __future__ import annotations

from functools import cache
from hashlib import file_digest
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from chajong.encoders.hub import ENDINGS_OF_WEIGHTS
from chajong.encoders.weights import is_path

if TYPE_CHECKING:
    import pandas as pd


def made_here(weights: str) -> bool:
    """Tell whether all weights behind a path were made by this project.

    Args:
        weights: A file, a folder, or a word such as ``hub``.

    Returns:
        False where there is no such path, no file of weights, or one that was not made here.
    """
    if not is_path(weights):
        return False
    path = Path(weights).expanduser()
    inside = [file for file in path.rglob("*") if file.suffix in ENDINGS_OF_WEIGHTS]
    found = [path] if path.is_file() else inside
    return bool(found) and all(_is_own(file) for file in found)


@cache
def own_weights() -> pd.DataFrame:
    """Read the table of own weights: model, bytes, sha256."""
    import pandas as pd

    text = (files(__package__) / "own_weights.csv").read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text))


def _is_own(file: Path) -> bool:
    table = own_weights()
    # Gigabytes of other weights need not be read to see that they are not these.
    if file.stat().st_size not in set(table["bytes"]):
        return False
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest() in set(table["sha256"])
