"""Folds as hard as new photos, in the real graph."""

import json
import logging
import shutil

import numpy as np
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from PIL import Image, ImageEnhance

from chajong.inputs import InputError
from chajong.members.configuration import MemberError
from chajong.pipelines import data_processing, feature_extraction
from chajong.predictions.contract import contract_hash

UNKNOWN = "whether folds are as hard as new photos is not known"
BURSTS = {"near_duplicate_radius": 0}  # so that the hash sees few of them
HOG = {"heads": {"kinds": ["prototypes"], "shrinkages": [0.3]}}


@pytest.fixture(scope="module")
def burst_dir(rendered, tmp_path_factory):
    """The rendered photos, each train photo with three more of its burst."""
    folder = shutil.copytree(rendered, tmp_path_factory.mktemp("bursts") / "raw")
    generator = np.random.default_rng(0)
    for path in sorted((folder / "train").glob("*/*.jpg")):
        try:
            photo = Image.open(path).convert("RGB")
        except OSError:
            continue
        for number in range(3):
            left, top = generator.integers(0, 4, 2)
            moved = photo.crop((left, top, *photo.size)).resize(photo.size)
            lit = ImageEnhance.Brightness(moved).enhance(generator.uniform(0.7, 1.3))
            lit.save(path.with_name(f"{path.stem}_{number}.jpg"), quality=70)
    return folder


def read(data, *names):
    return [pd.read_parquet(data / "03_primary" / f"{name}.parquet") for name in names]


def report_of(data):
    return json.loads((data / "08_reporting" / "folds.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def matched(burst_dir, tmp_path_factory, run_pipelines):
    """What data_processing alone writes of photos in bursts."""
    data = tmp_path_factory.mktemp("matched")
    run_pipelines(burst_dir, data, "data_processing", hog=HOG, data_processing=BURSTS)
    return data


class TestBursts:
    def test_photos_of_one_burst_share_a_fold(self, matched):
        folds, groups = read(matched, "folds", "photo_groups")
        of_photo = folds["photo_id"].str.replace(r"(_\d{4})_\d\.jpg$", r"\1.jpg", regex=True)
        together = folds.groupby(of_photo)["fold"].nunique().eq(1).mean()
        plain = groups.groupby(of_photo)["group"].nunique().eq(1).mean()
        assert together > 0.4
        assert plain < 0.1

    def test_groups_that_were_known_stay_together(self, matched):
        folds, groups = read(matched, "folds", "photo_groups")
        joined = groups[["photo_id", "group"]].merge(folds, on="photo_id")
        assert joined.groupby("group_x")["fold"].nunique().eq(1).all()
        assert (folds["fold"] == -1).any()

    def test_the_report_says_both_losses_and_distances(self, matched):
        report = report_of(matched)
        distances, losses = report["distances"], report["losses"]
        assert report["encoder"] == "hog"
        assert distances["plain"] < 0.5 * distances["new"] < distances["matched"]
        assert losses["plain"] < losses["matched"]
        for loss, distance in (("plain", "plain"), ("matched", "new")):
            assert f"{losses[loss]:.3f}" in report["text"]
            assert f"{distances[distance]:.2f}" in report["text"]

    def test_the_chart_has_a_curve_for_each_kind_of_photo(self, matched):
        chart = json.loads((matched / "08_reporting" / "folds_chart.json").read_text())
        assert [curve["name"] for curve in chart["data"]] == [
            "held out, plain folds",
            "held out, matched folds",
            "test photos",
        ]

    def test_the_encoder_is_in_the_folds_and_in_their_contract(self, matched, load_dataset):
        folds, classes, photos = read(matched, "folds", "classes", "photos")
        assert folds["encoder"].nunique() == 1
        assert len(folds["encoder"][0]) > 8
        others = folds.assign(encoder="another")
        assert contract_hash(classes, others, photos) != contract_hash(classes, folds, photos)

    def test_folds_do_not_depend_on_what_may_not_be_looked_at(
        self, burst_dir, tmp_path, run_pipelines
    ):
        blind = {"data_processing": {"test_photos": False}}
        run_pipelines(burst_dir, tmp_path / "with", "data_processing", **blind)
        without = shutil.copytree(burst_dir, tmp_path / "raw")
        for photo in (without / "test").glob("*.jpg"):
            Image.new("RGB", (64, 48), "red").save(photo)
        run_pipelines(without, tmp_path / "without", "data_processing", **blind)
        (one,), (other,) = (read(tmp_path / name, "folds") for name in ("with", "without"))
        pd.testing.assert_frame_equal(one, other)
        assert set(one["encoder"]) == {""}
        reports = tmp_path / "with" / "08_reporting"
        assert json.loads((reports / "shift.json").read_text()) == {}
        assert UNKNOWN in report_of(tmp_path / "with")["text"]
        assert "test_photos is off" in report_of(tmp_path / "with")["text"]
        drawn = json.loads((reports / "shift_chart.json").read_text())["data"]
        assert {curve["name"] for curve in drawn} == {"train"}

    def test_typical_photos_take_the_place_of_test_photos(self, burst_dir, tmp_path, run_pipelines):
        run_pipelines(
            burst_dir,
            tmp_path,
            "data_processing",
            typical_photos=str(burst_dir / "test"),
            hog=HOG,
            data_processing={"test_photos": False, **BURSTS},
        )
        assert "for a typical photo" in report_of(tmp_path)["text"]
        assert report_of(tmp_path)["threshold"] is not None

    def test_without_a_frozen_member_histograms_tell_photos_apart(
        self, burst_dir, tmp_path, run_pipelines
    ):
        run_pipelines(burst_dir, tmp_path, "data_processing", hog=None, data_processing=BURSTS)
        assert report_of(tmp_path)["encoder"] == "histograms"
        assert report_of(tmp_path)["threshold"] is not None


def test_a_run_says_whether_folds_are_as_hard(finished):
    assert report_of(finished.data)["text"] in finished.printed


def test_few_test_photos_say_nothing(raw_dir, tmp_path, run_pipelines):
    table = pd.read_csv(raw_dir / "test.csv", encoding="utf-8-sig")
    for path in table["img_path"][19:]:
        (raw_dir / path).write_bytes(b"no photo")
    run_pipelines(raw_dir, tmp_path, "data_processing")
    assert f"{UNKNOWN}: fewer than 20 test photos can be read" in report_of(tmp_path)["text"]
    groups, folds = read(tmp_path, "photo_groups", "folds")
    assert (groups["group"] == folds["group"]).all()


def test_an_encoder_that_is_no_member_stops_the_run_before_photos_are_read(
    rendered, tmp_path, run_pipelines
):
    chosen = {"matched_folds": {"encoder": "hogg"}}
    with pytest.raises(MemberError, match=r"names 'hogg', .* \(did you mean hog\?\)"):
        run_pipelines(rendered, tmp_path, "data_processing", data_processing=chosen)
    assert not list(tmp_path.rglob("*.parquet"))


def test_features_know_no_folds(project):
    with KedroSession.create(project) as session:
        session.load_context()
        graph = data_processing.create_pipeline() + feature_extraction.create_pipeline()
    for name in ("clip_frozen.features", "data_processing.features"):
        assert "folds" not in graph.to_outputs(name).datasets()
    assert "data_processing.features" in graph.to_outputs("folds").datasets()
    assert "params:clip_frozen" in graph.to_outputs("folds").inputs()


def test_features_are_extracted_once(finished, raw_dir, tmp_path, run_pipelines):
    run_pipelines(raw_dir, tmp_path, "data_processing", hog=finished.hog)
    shards = sorted((tmp_path / "02_intermediate" / "scratch" / "hog").rglob("shard-*.arrow"))
    assert shards
    run_pipelines(raw_dir, tmp_path, "feature_extraction", hog=finished.hog)
    assert sorted(shards[0].parents[2].rglob("shard-*.arrow")) == shards
    extraction = json.loads((tmp_path / "04_feature" / "hog" / "extraction.json").read_text())
    assert extraction["photos_encoded_now"] == 0


def test_folds_of_an_earlier_version_are_not_trained_on(data_dir, raw_dir, run_pipelines):
    path = data_dir / "03_primary" / "folds.parquet"
    pd.read_parquet(path).drop(columns="encoder").to_parquet(path)
    path.with_name(f".{path.name}.hash").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"no column 'encoder'.*--pipelines data_processing"):
        run_pipelines(raw_dir, data_dir, "feature_extraction")


def test_members_of_other_folds_are_not_pooled(data_dir, raw_dir, run_pipelines, caplog):
    plain = {"folds": 3}
    run_pipelines(raw_dir, data_dir, "data_processing", data_processing=plain)
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="hog"):
        run_pipelines(raw_dir, data_dir, "ensembling", data_processing=plain)
