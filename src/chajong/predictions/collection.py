"""All predictions that exist: of this project's members and of others' tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from unicodedata import normalize

import pandas as pd

from chajong.inside import folded
from chajong.predictions.contract import Predictions
from chajong.predictions.external import ExternalMemberError, read_external_member
from chajong.predictions.table_files import member_name

ENSEMBLE = "ensemble"
"""What reports call the pool of all members."""


def tables_by_member(files: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Say which member each table of others becomes: the one that its file is called after.

    Names that differ only by letter case, or by how their letters are composed, are one name: some
    file systems do not keep them apart, and no reader of a report does.

    Args:
        files: The tables' file names.
        names: The names of this project's members.

    Returns:
        File names by member.

    Raises:
        ExternalMemberError: A table has the name of one of this project's members, or of another
            table.
    """
    found: dict[str, str] = {}
    taken = {folded(name): f"this project's own {name!r}" for name in (*names, ENSEMBLE)}
    for file in files:
        member = member_name(file)
        if other := taken.get(folded(member)):
            raise ExternalMemberError(
                f"The table {file} has the name of {other}. Rename the file, for example to "
                f"{member}_of_others{normalize('NFC', file).removeprefix(member)}, or remove it."
            )
        taken[folded(member)] = f"the table {file}"
        found[member] = file
    return found


def read_table_of_others(
    file: str,
    external: Mapping[str, pd.DataFrame],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> Predictions:
    """Read one table of others by its file name.

    Args:
        file: The file's name, with or without its ending.
        external: Probability tables of others, by file name.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Raises:
        ExternalMemberError: There is no such table, or it cannot be read as predictions.
    """
    wanted = normalize("NFC", file)
    for found in external:
        name = normalize("NFC", found)
        if wanted in (name, member_name(name)):
            return read_external_member(external[found], classes, folds, photos, found)
    message = (
        f"There is no table {file!r} among those of others: there are "
        f"{', '.join(external) or 'none'}. Put it into data_dir/07_model_output/external."
    )
    raise ExternalMemberError(message)


def read_tables_of_others(
    external: Mapping[str, pd.DataFrame],
    names: Iterable[str],
    photos: pd.DataFrame,
    classes: pd.DataFrame,
    folds: pd.DataFrame,
) -> dict[str, Predictions]:
    """Read all tables of others; each becomes a member that is called after its file.

    Args:
        external: Probability tables of others, by file name.
        names: The names of this project's members, which no table can have.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Raises:
        ExternalMemberError: A table cannot be read as predictions, or has a name that is taken.
    """
    return {
        member: read_external_member(external[file], classes, folds, photos, file)
        for member, file in tables_by_member(external, names).items()
    }
