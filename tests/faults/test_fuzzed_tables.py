"""Tables whose cells, rows and bytes are changed: read as they are written, or refused by name.

FUZZED_TABLES=1000 pytest tests/faults/test_fuzzed_tables.py -s   # counts the outcomes
"""

import csv
import io
import os
from collections import Counter
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chajong.photos.folder import RawDataError, scan_photo_folder
from chajong.predictions.external import ExternalMemberError
from chajong.predictions.table_files import read_table

COUNT = int(os.environ.get("FUZZED_TABLES", "60"))
CLASSES = ("3008", "NA", "쏘나타_2019", "K5, 3세대")
TRAIN = {f"train/{number}.jpg": CLASSES[number % 4] for number in range(8)}
TEST = {f"T_{number}": f"test/{number}.jpg" for number in range(3)}
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)
ODD = [
    "",
    " ",
    "nan",
    "NULL",
    "0123",
    "1e5",
    "=1+1",
    '"',
    "\ufeff",
    "\x00",
    "a\nb",
    "../x.jpg",
    "ID",
]

CELL = st.sampled_from(ODD) | st.sampled_from([*CLASSES, *TRAIN, *TEST]) | st.text(max_size=5)
EDIT = st.tuples(st.integers(0, 20), st.integers(0, 4), CELL)
WAY = st.fixed_dictionaries(
    {
        "edits": st.lists(EDIT, max_size=1),
        "bytes": st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=1),
        "form": st.sampled_from(["NFC", "NFD"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-8", "cp949", "utf-16"]),
        "line": st.sampled_from(["\n", "\r\n"]),
    }
)


def written(rows, way):
    """Lay a table out as some program might, with a few cells and bytes changed."""
    rows = [list(row) for row in rows]
    for place, column, cell in way["edits"]:
        row = rows[place % len(rows)]
        row[column % len(row)] = cell
    text = io.StringIO()
    csv.writer(text, lineterminator=way["line"]).writerows(rows)
    content = bytearray(normalize(way["form"], text.getvalue()).encode(way["encoding"], "replace"))
    for place, byte in way["bytes"]:
        content[place % len(content)] = byte
    return bytes(content)


def as_anyone_reads(content):
    """Read a CSV in UTF-8 with Python's own reader."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return [row for row in rows if row]


def read_or_told(read):
    """Give what was read, or what was said instead."""
    try:
        return read(), ""
    except (RawDataError, ExternalMemberError) as error:
        return None, str(error)


@pytest.fixture(scope="module")
def outcomes():
    counted = Counter()
    yield counted
    print(dict(counted))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("fuzzed")
    for path in [*TRAIN, *TEST.values()]:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(JPEG)
    return root


@settings(max_examples=COUNT, suppress_health_check=list(HealthCheck))
@given(train=WAY, test=WAY)
def test_a_folder_is_understood_as_its_tables_say_or_refused_by_their_names(
    folder, outcomes, train, test
):
    tables = {
        "train_df.csv": written([("path", "label"), *TRAIN.items()], train),
        "test.csv": written([("ID", "img_path"), *TEST.items()], test),
    }
    for name, content in tables.items():
        (folder / name).write_bytes(content)
    found, told = read_or_told(lambda: scan_photo_folder(folder))
    if found is None:
        assert str(folder) in told or any(name in told for name in tables)
        outcomes["refused"] += 1
        return
    outcomes["understood"] += 1
    listing = found.listing
    assert listing["photo_id"].is_unique
    said = dict(row[:2] for row in as_anyone_reads(tables["train_df.csv"])[1:])
    labels = {path.strip(): normalize("NFC", label.strip()) for path, label in said.items()}
    of_train = listing[(listing["split"] == "train") & listing["found"]]
    for path, label in zip(of_train["path"], of_train["class_name"], strict=True):
        assert label in {labels.get(each) for each in labels if each.endswith(path[-5:])}
    order = [normalize("NFC", row[0].strip()) for row in as_anyone_reads(tables["test.csv"])[1:]]
    # What stands around an ID stays: the submission has it as the table does.
    assert [normalize("NFC", each).strip() for each in found.submission_ids] == order


@settings(max_examples=COUNT, suppress_health_check=list(HealthCheck))
@given(way=WAY)
def test_a_teammates_table_keeps_its_rows_or_is_named(tmp_path_factory, outcomes, way):
    path = tmp_path_factory.mktemp("tables") / "팀.csv"
    rows = [("ID", *CLASSES), *((f"00{number}", 0.1, 0.2, 0.3, 0.4) for number in range(5))]
    path.write_bytes(written(rows, way))
    table, told = read_or_told(lambda: read_table(path))
    if table is None:
        assert path.name in told
        outcomes["table refused"] += 1
        return
    outcomes["table read"] += 1
    expected = [[]]
    if way["encoding"].startswith("utf-8") and not way["bytes"]:
        expected = as_anyone_reads(path.read_bytes())
    if "ID" in expected[0]:
        assert table["ID"].astype(str).tolist() == [row[0] for row in expected[1:]]
