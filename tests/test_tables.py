import pyarrow as pa
import pytest

from chajong.manifest import DamagedError
from chajong.tables import read_parquet, read_table, write_parquet, write_table


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
