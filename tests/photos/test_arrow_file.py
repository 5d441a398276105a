import pyarrow as pa
import pytest

from chajong.photos.arrow_file import read_table, write_table


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
    with pytest.raises(OSError, match="No space"):
        write_table(pa.table({"n": [2]}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["table.arrow"]
    assert read_table(path).column("n").to_pylist() == [1]
