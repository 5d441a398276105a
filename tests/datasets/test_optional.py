from inspect import signature

import pandas as pd
import pytest
from kedro.io import DataCatalog, Version

from chajong.datasets import OptionalDataset, Skipped


@pytest.fixture
def dataset(tmp_path):
    path = str(tmp_path / "value.json")
    return OptionalDataset({"type": "json.JSONDataset", "filepath": path})


class TestOptionalDataset:
    def test_what_was_never_saved_loads_as_none(self, dataset):
        assert dataset.load() is None
        assert not dataset.exists()

    def test_what_was_saved_is_loaded(self, dataset):
        dataset.save({"log_loss": 0.5})
        assert dataset.exists()
        assert dataset.load() == {"log_loss": 0.5}

    def test_a_skipped_output_leaves_an_earlier_one(self, dataset):
        dataset.save({"log_loss": 0.5})
        dataset.save(Skipped())
        assert dataset.load() == {"log_loss": 0.5}

    def test_versions_are_those_of_the_wrapped_dataset(self, tmp_path):
        configuration = {"type": "json.JSONDataset", "filepath": str(tmp_path / "value.json")}
        for version, value in (("2026-01-01T00.00.00.000Z", 1), ("2026-01-02T00.00.00.000Z", 2)):
            OptionalDataset(configuration, Version(None, version)).save(value)
        assert OptionalDataset(configuration, Version(None, None)).load() == 2
        assert OptionalDataset(configuration, Version("2026-01-01T00.00.00.000Z", None)).load() == 1

    def test_the_catalog_builds_it_with_versions(self, tmp_path):
        entry = {
            "type": "chajong.datasets.OptionalDataset",
            "versioned": True,
            "dataset": {"type": "json.JSONDataset", "filepath": str(tmp_path / "value.json")},
        }
        catalog = DataCatalog.from_config({"hog.metrics": entry})
        assert catalog.load("hog.metrics") is None
        catalog.save("hog.metrics", {"log_loss": 1.0})
        assert catalog.load("hog.metrics") == {"log_loss": 1.0}


def test_kedro_viz_previews_what_is_wrapped_where_that_can_be(tmp_path):
    tables = {"type": "chajong.datasets.TableDataset", "filepath": str(tmp_path / "table.csv")}
    table = OptionalDataset(tables)
    table.save(pd.DataFrame({"차": ["가", "나"]}))
    assert table.preview(nrows=1)["data"] == [["가"]]
    assert signature(table.preview).return_annotation == "TablePreview"
    scores = {"type": "chajong.datasets.FeaturesDataset", "filepath": str(tmp_path / "a.parquet")}
    assert not hasattr(OptionalDataset(scores), "preview")
