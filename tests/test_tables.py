import csv

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.datasets import TableDataset
from chajong.manifest import DamagedError
from chajong.tables import (
    as_named,
    is_computed,
    read_parquet,
    read_table,
    write_csv,
    write_parquet,
    write_table,
)


def test_a_table_comes_back_with_its_metadata(tmp_path):
    table = pa.table({"차종": ["a", "b"], "n": [1, 2]}).replace_schema_metadata({"key": "값"})
    write_table(table, tmp_path / "table.arrow")
    again = read_table(tmp_path / "table.arrow")
    assert again.equals(table, check_metadata=True)


def test_an_open_table_survives_its_replacement(tmp_path):
    path = tmp_path / "table.arrow"
    write_table(pa.table({"n": [1, 2]}), path)
    old = read_table(path)
    write_table(pa.table({"n": [3]}), path)
    assert old.column("n").to_pylist() == [1, 2]
    assert read_table(path).column("n").to_pylist() == [3]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "table.arrow"
    write_table(pa.table({"n": [1]}), path)

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(pa.ipc, "new_file", full_disk)
    with pytest.raises(OSError, match="is full"):
        write_table(pa.table({"n": [2]}), path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".table.arrow.hash", "table.arrow"]
    assert read_table(path).column("n").to_pylist() == [1]


def write(table, path):
    (write_table if path.suffix == ".arrow" else write_parquet)(table, path)


def read(path):
    return (read_table if path.suffix == ".arrow" else read_parquet)(path)


@pytest.mark.parametrize("name", ["차종.arrow", "lr=3/차종.parquet"])
def test_a_changed_byte_or_length_is_refused_by_the_files_name(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    table = pa.table({"n": list(range(100)), "text": ["NA", "007"] * 50})
    write(table, path)
    assert read(path).equals(table)
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        with pytest.raises(DamagedError, match=r"차종.* its content .*kedro run"):
            read(path)
    for kept in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(DamagedError, match=rf"차종.* has {kept:,} bytes"):
            read(path)


@pytest.mark.parametrize("name", ["a.arrow", "a.parquet"])
def test_what_is_no_table_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"no table")
    with pytest.raises(DamagedError, match=rf"{name} is damaged"):
        read(tmp_path / name)


FORMULAS = ('=HYPERLINK("http://a.b","c")', "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1", "'=1")


def cells_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_no_cell_of_a_csv_file_is_computed(tmp_path):
    table = pd.DataFrame({"차종": FORMULAS, "=A1": [-0.5] * len(FORMULAS)})
    write_csv(table, tmp_path / "table.csv")
    header, *rows = cells_of(tmp_path / "table.csv")
    assert header == ["차종", "'=A1"]
    assert [row[0] for row in rows] == [f"'{text}" for text in FORMULAS]
    assert {row[1] for row in rows} == {"-0.5"}


@given(st.lists(st.text(st.sampled_from("'=+-@\t가a 1"), max_size=4), min_size=1, max_size=5))
def test_a_name_that_is_copied_from_a_csv_file_is_the_name(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("csv") / "names.csv"
    write_csv(pd.DataFrame({"name": names, "n": 1}), path)
    shown = [row[0] for row in cells_of(path)[1:]]
    assert [as_named(cell) for cell in shown] == names
    assert not any(is_computed(cell) and not cell.startswith("'") for cell in shown)


def test_text_comes_back_unchanged_from_beside_a_csv_file(tmp_path):
    table = pd.DataFrame({"name": [*FORMULAS, "3008", "NA", "1e5", ""], "n": range(12)})
    dataset = TableDataset(str(tmp_path / "table.csv"))
    dataset.save(table)
    pd.testing.assert_frame_equal(dataset.load(), table)
