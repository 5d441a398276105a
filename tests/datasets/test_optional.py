import inspect
from typing import get_type_hints

import pytest
from kedro.io import DataCatalog, Version
from pydantic import BaseModel

from chajong.datasets import OptionalDataset, Skipped, when_enabled


class Parameters(BaseModel):
    enabled: bool = True


def double(number: int, parameters: Parameters) -> int:
    return 2 * number


def both(number: int, parameters: Parameters) -> tuple[int, int]:
    return number, 2 * number


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


class TestWhenEnabled:
    def test_an_enabled_member_computes(self):
        assert when_enabled(double)(3, Parameters()) == 6
        assert when_enabled(double)(parameters=Parameters(), number=3) == 6

    def test_a_member_that_is_not_enabled_skips_every_output(self):
        skipped = when_enabled(both, outputs=2)(3, Parameters(enabled=False))
        assert [type(output) for output in skipped] == [Skipped, Skipped]
        assert isinstance(when_enabled(double)(3, Parameters(enabled=False)), Skipped)

    def test_kedro_still_sees_the_types(self):
        node_function = when_enabled(double)
        assert list(inspect.signature(node_function).parameters) == ["number", "parameters"]
        assert get_type_hints(node_function)["parameters"] is Parameters
