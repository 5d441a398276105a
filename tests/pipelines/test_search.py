"""Search through a Kedro session, as `kedro run --pipelines search` makes it."""

import contextlib
import io
import json

import numpy as np
import pandas as pd
import pytest

from chajong.members.cards.weights import WeightsRuleError
from chajong.search.filters import SearchError
from chajong.search.photo_index import nearest_photos, read_photo_index
from chajong.search.query import QueryEncoder


@pytest.fixture(scope="module")
def searched(finished, run_pipelines):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_pipelines(finished.raw, finished.data, "search", hog=finished.hog)
    return printed.getvalue()


def test_the_index_on_the_disk_finds_a_photo_by_its_file(finished, searched):
    index = read_photo_index(finished.data / "06_models/search_index")
    photo = finished.load("photos").query("split == 'train' and status == 'ok'").iloc[5]
    query = QueryEncoder(index).of_photo((finished.raw / photo["path"]).read_bytes())
    found = nearest_photos(index, query, 1).iloc[0]
    assert found["sha256"] == photo["sha256"]
    assert found["distance"] == pytest.approx(0, abs=1e-4)


def test_figures_are_written_and_told(finished, searched):
    report = json.loads((finished.data / "08_reporting/search/metrics.json").read_text())
    assert report["encoder"] == "hog"
    assert f"{report['recall_at_1']:.1%} of photos" in searched


def test_similar_models_are_listed_for_train_and_test(finished, searched):
    table = pd.read_csv(finished.data / "07_model_output/similar_models.csv", encoding="utf-8-sig")
    assert set(table["split"]) == {"train", "test"}
    first = table[table["rank"] == 1]
    assert first["photo_id"].is_unique
    ordered = table.groupby("photo_id")["similarity"].apply(lambda each: np.all(np.diff(each) <= 0))
    assert ordered.all()


def test_an_encoder_that_was_never_run_is_named(finished, run_pipelines, data_dir):
    with pytest.raises(SearchError, match="llava has no features"):
        run_pipelines(
            finished.raw, data_dir, "search", hog=finished.hog, search={"encoder": "llava"}
        )


def test_weights_that_break_the_rule_stop_the_run_before_it_pools(
    finished, run_pipelines, data_dir, tmp_path
):
    """A local file, of which nothing is known, must be declared under a rule."""
    import timm
    from safetensors.torch import save_file

    torch_model = timm.create_model("test_vit", num_classes=0)
    save_file(torch_model.state_dict(), tmp_path / "mine.safetensors")
    member = {
        "kind": "frozen",
        "encoder": {
            "library": "timm",
            "model": "test_vit",
            "weights": str(tmp_path / "mine.safetensors"),
        },
        "heads": {"kinds": ["prototypes"], "shrinkages": [0.3]},
    }
    submission = data_dir / "07_model_output/submission.csv"
    submission.unlink()
    rule = {"published_before": "2025-05-19"}
    with pytest.raises(
        WeightsRuleError, match=r"timm_frozen: test_vit \(mine.safetensors\) has no"
    ):
        run_pipelines(
            finished.raw,
            data_dir,
            "feature_extraction",
            "ensembling",
            hog=finished.hog,
            timm_frozen=member,
            ensembling={"weights_rule": rule},
        )
    assert not submission.exists()
