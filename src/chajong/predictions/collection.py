"""All predictions that exist: of this project's members and of others' tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from chajong.predictions.contract import Predictions
from chajong.predictions.external import ExternalMemberError, read_external_member
from chajong.predictions.members import HINTING_MEMBERS, MEMBERS

OWN_NAMES = (*MEMBERS, "ensemble")
"""Names that reports and settings know, whether or not the member is enabled."""


def tables_by_member(files: Iterable[str]) -> dict[str, str]:
    """Say which member each table of others becomes: the one that its file is called after.

    Names that differ only by letter case, or by how their letters are composed, are one name: some
    file systems do not keep them apart, and no reader of a report does.

    Args:
        files: The tables' file names.

    Returns:
        File names by member.

    Raises:
        ExternalMemberError: A table has the name of one of this project's members, or of another
            table.
    """
    found: dict[str, str] = {}
    taken = {_folded(name): f"this project's own {name!r}" for name in OWN_NAMES}
    for file in files:
        member = normalize("NFC", Path(file).stem)
        if other := taken.get(_folded(member)):
            raise ExternalMemberError(
                f"The table {file} has the name of {other}. Rename the file, for example to "
                f"{member}_of_others{Path(file).suffix}, or remove it."
            )
        taken[_folded(member)] = f"the table {file}"
        found[member] = file
    return found


def _folded(name: str) -> str:
    return normalize("NFC", normalize("NFC", name).casefold())


def collect_predictions(
    trained: Mapping[str, Predictions | None],
    external: Mapping[str, pd.DataFrame],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> dict[str, Predictions]:
    """Gather predictions by member; a table of others is called by its file's name.

    Args:
        trained: Each member's predictions, None where there are none.
        external: Probability tables of others, by file name.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        Predictions by member, those that can be hints before those that may repeat them.

    Raises:
        ExternalMemberError: A table of others cannot be read as predictions, or has a name that is
            taken.
    """
    dropped_in = {
        member: read_external_member(external[file], classes, folds, photos, file)
        for member, file in tables_by_member(external).items()
    }
    own = {name: found for name, found in trained.items() if found}
    hinting = {name: own.pop(name) for name in HINTING_MEMBERS if name in own}
    return {**hinting, **dropped_in, **own}
