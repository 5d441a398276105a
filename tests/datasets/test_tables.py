"""Tables come back as they were, whatever their text looks like."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chajong.datasets import JSONDataset, ParquetDataset, TableDataset, TextDataset

LIKE_OTHERS = ["3008", "0123", "NA", "None", "nan", "True", "1e5", "", "=1+1", "차, 4세대"]


@pytest.mark.parametrize("dataset", [ParquetDataset, TableDataset])
@settings(max_examples=30)
@given(text=st.lists(st.sampled_from(LIKE_OTHERS) | st.text(), min_size=1))
def test_text_stays_text(dataset, text, tmp_path_factory):
    text = [each.encode("utf-8", "replace").decode() for each in text]
    frame = pd.DataFrame({"class_name": text, "n": range(len(text)), "x": [math.nan] * len(text)})
    kept = dataset(str(tmp_path_factory.mktemp("tables") / "[2025] 표.csv"))
    assert not kept.exists()
    kept.save(frame)
    assert kept.exists()
    pd.testing.assert_frame_equal(kept.load(), frame, check_dtype=False)


def test_a_table_for_people_has_a_bom(tmp_path):
    kept = TableDataset(str(tmp_path / "표.csv"))
    kept.save(pd.DataFrame({"차": ["쏘나타"], "n": [0.5]}))
    assert (tmp_path / "표.csv").read_bytes() == '\ufeff"차","n"\n"쏘나타",0.5\n'.encode()


def test_what_a_spreadsheet_made_of_the_csv_is_not_read(tmp_path):
    kept = TableDataset(str(tmp_path / "a.csv"))
    kept.save(pd.DataFrame({"class_name": ["0123"]}))
    (tmp_path / "a.csv").write_text("class_name\n123\n")
    assert kept.load()["class_name"].tolist() == ["0123"]


def test_kedro_viz_is_shown_the_first_rows(tmp_path):
    kept = TableDataset(str(tmp_path / "a.csv"))
    kept.save(pd.DataFrame({"name": ["a", "b", "c"]}))
    assert kept.preview(nrows=2) == {"index": [0, 1], "columns": ["name"], "data": [["a"], ["b"]]}


def test_json_has_no_numbers_that_are_none(tmp_path):
    kept = JSONDataset(str(tmp_path / "a.json"))
    kept.save({"이름": [1, math.nan, {"x": math.inf}], "y": (0.5,)})
    assert "NaN" not in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert kept.load() == {"이름": [1, None, {"x": None}], "y": [0.5]}


def test_text_comes_back(tmp_path):
    kept = TextDataset(str(tmp_path / "요약.txt"))
    kept.save("한 줄\n")
    assert kept.load() == "한 줄\n"
