"""Tables of others as they are really written."""

import gzip

import pandas as pd
import pytest

from chajong.predictions.external import ExternalMemberError
from chajong.predictions.table_files import member_name, read_table

TABLE = pd.DataFrame(
    {"photo_id": ["00001", "NA", "1e5", "train/가/a.jpg"], "가온_미르": 0.25, "NA": [0.75] * 4}
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize(
    "file",
    ["team.csv", "TEAM.CSV", "team.tsv", "team.csv.gz", "team.Tsv.GZ", "team.csv.bz2",
     "team.csv.xz", "team.csv.zip"],
)  # fmt: skip
def test_a_text_is_read_whatever_wrote_it(tmp_path, file, encoding):
    separator = "\t" if ".tsv" in file.lower() else ","
    TABLE.to_csv(tmp_path / file, sep=separator, index=False, encoding=encoding)
    pd.testing.assert_frame_equal(read_table(tmp_path / file), TABLE)


def test_what_excel_calls_unicode_is_read(tmp_path):
    TABLE.to_csv(tmp_path / "team.tsv", sep="\t", index=False, encoding="utf-16")
    pd.testing.assert_frame_equal(read_table(tmp_path / "team.tsv"), TABLE)


@pytest.mark.parametrize("file", ["team.parquet", "k=v/TEAM.PQ"])
def test_parquet_is_read(tmp_path, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    TABLE.to_parquet(tmp_path / file)
    pd.testing.assert_frame_equal(read_table(tmp_path / file), TABLE)


def test_ids_stay_texts_in_long_tables(tmp_path):
    ids = [f"train/{number}.jpg" for number in range(40_000)] + ["00007"]
    columns = {f"차{number}": 0.05 for number in range(20)}
    pd.DataFrame({"ID": ids, **columns}).to_csv(tmp_path / "team.csv", index=False)
    assert read_table(tmp_path / "team.csv")["ID"].tolist() == ids


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("team.xlsx", b"PK"),
        ("notes.txt", b"hello"),
        ("README", b""),
        ("team.csv", b""),
        ("team.csv", b"ID,a\n1,\xff\xff\n"),
        ("team.csv", b"ID,a\n1,0.5,7\n"),
        ("team.csv", b"ID,a\n1,0.5,\n2,0.5,\n"),
        ("team.csv", b"ID,a\n1,0.5\n2,0.5,7\n"),
        ("team.csv.gz", b"no gzip"),
        ("team.csv.gz", gzip.compress(bytes(range(99)), mtime=0)[:50]),
        ("team.csv.xz", b"no xz"),
        ("team.csv.zip", b"no zip"),
        ("team.parquet", b"no parquet"),
        ("team.parquet", b""),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, file, content):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ExternalMemberError, match=f"{file} (cannot be read|is no table).*move it"):
        read_table(tmp_path / file)


def test_a_folder_is_named(tmp_path):
    (tmp_path / "old.csv").mkdir()
    with pytest.raises(ExternalMemberError, match=r"old\.csv is no table"):
        read_table(tmp_path / "old.csv")


@pytest.mark.parametrize(
    ("file", "name"),
    [("team.csv", "team"), ("a.v2.TSV.gz", "a.v2"), ("팀.parquet", "팀"), ("x.y.xlsx", "x.y")],
)
def test_a_member_is_called_after_its_file(file, name):
    assert member_name(file) == name
