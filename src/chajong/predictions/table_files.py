"""The files that tables of others come in."""

from __future__ import annotations

import zlib
from lzma import LZMAError
from pathlib import Path
from unicodedata import normalize
from warnings import catch_warnings, simplefilter
from zipfile import BadZipFile

import pandas as pd
from pandas.errors import ParserWarning

from chajong.predictions.external import ExternalMemberError

TEXT_COLUMNS = ("photo_id", "ID", "split")
"""What is text in a table even where it looks like a number, or like nothing."""

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_COMPRESSIONS = ("", ".gz", ".bz2", ".xz", ".zip")
_PARQUET = (".parquet", ".pq")
_ENDINGS = (*_PARQUET, *(each + packed for each in _SEPARATORS for packed in _COMPRESSIONS))

_ENCODINGS = ("utf-8-sig", "cp949", "utf-16")
"""What tables are written in; a text in one of them is an error in those before it."""

_DAMAGED = (OSError, EOFError, ValueError, ParserWarning, zlib.error, LZMAError, BadZipFile)

_GAPS = ["", "NA", "NaN", "nan", "null"]


def member_name(file: str) -> str:
    """Name the member that a table becomes: the file without what says its format.

    Args:
        file: For example "team.csv.gz".
    """
    ending = _ending(file) or Path(file).suffix
    return normalize("NFC", file[: len(file) - len(ending)])


def read_table(path: Path) -> pd.DataFrame:
    """Read a table, whatever it was written by.

    Args:
        path: A CSV or TSV file in UTF-8, CP949 or UTF-16, compressed or not, or a Parquet file.

    Returns:
        The table; `TEXT_COLUMNS` of a text file exactly as written.

    Raises:
        ExternalMemberError: It is no such file, or it is damaged.
    """
    ending = _ending(path.name)
    if path.is_dir() or not ending:
        message = (
            f"{path} is no table of a known kind ({', '.join(_ENDINGS)}): save it as one of them, "
            "or move it away."
        )
        raise ExternalMemberError(message)
    try:
        if ending in _PARQUET:
            # Not the path: a folder named `<key>=<value>` would be read as a column.
            with path.open("rb") as file:
                return pd.read_parquet(file)
        with catch_warnings():
            simplefilter("error", ParserWarning)  # a row with more values than columns
            return _read_text(path, _SEPARATORS[ending[:4]])
    except _DAMAGED as error:
        message = f"{path} cannot be read ({str(error).strip()}): save it again, or move it away."
        raise ExternalMemberError(message) from error


def _ending(file: str) -> str:
    """Give what says a file's format, in small letters; empty where nothing known does."""
    return next((ending for ending in _ENDINGS if file.lower().endswith(ending)), "")


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    for encoding in _ENCODINGS:
        try:
            columns = pd.read_csv(path, sep=separator, encoding=encoding, nrows=0).columns
            return pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                dtype=dict.fromkeys(TEXT_COLUMNS, str),
                keep_default_na=False,
                na_values=dict.fromkeys(columns.difference(list(TEXT_COLUMNS)), _GAPS),
                index_col=False,
                low_memory=False,
            )
        except UnicodeError:
            continue
    raise ValueError(f"its text is in none of {', '.join(_ENCODINGS)}")
