"""What is saved where members cannot answer about new photos."""

from dataclasses import replace

import numpy as np
import pytest
from chajong.ensembling.gate import Gate
from chajong.ensembling.specialists.specialists import NO_SPECIALISTS
from chajong.ensembling.unlikeness import neighbour_distance

from chajong.datasets import Skipped
from chajong.encoders.concatenation import join_matrices
from chajong.ensembling.family_temperature import NO_FAMILY_TEMPERATURES
from chajong.ensembling.refinement import RefiningSteps
from chajong.inference.agreement import AgreementError, compare_with_run
from chajong.inference.classifier import CarClassifier
from chajong.inference.ensemble import build_ensemble
from chajong.inference.member_models import members_needed
from chajong.predictions.contract import normalise_log


def test_a_teammates_table_is_left_out_and_the_pool_is_made_anew(small_run, monkeypatch):
    hog = small_run.predictions["hog"]
    softer = replace(hog, log_probabilities=normalise_log(hog.log_probabilities / 2))
    monkeypatch.setitem(small_run.predictions, "teammate", softer)
    served = small_run.served(("hog", "clip_frozen", "teammate"))
    assert served.left_out == ("teammate",)
    assert served.pooled.pooled.members == ("hog", "clip_frozen")


def test_a_member_that_repeats_another_is_neither_weighed_nor_saved(small_run, served, monkeypatch):
    for what in (small_run.predictions, small_run.checkpoints):
        monkeypatch.setitem(what, "vlm", what["clip_frozen"])
    again = small_run.served(("hog", "clip_frozen", "vlm"))
    assert again.pooled.pooled.pool == served.pooled.pooled.pool
    assert "repeats clip_frozen" in again.pooled.pooled.skipped["vlm"]
    assert set(small_run.ensemble(again).checkpoints) == {"hog", "clip_frozen"}


def test_a_member_with_hints_of_a_teammate_cannot_answer(small_run, monkeypatch):
    checkpoint = small_run.checkpoints["clip_frozen"]
    hinted = replace(checkpoint, configuration={"hinting_member": "teammate"})
    monkeypatch.setitem(small_run.checkpoints, "vlm", hinted)
    answers = small_run.predictions["clip_frozen"]
    softer = replace(answers, log_probabilities=normalise_log(answers.log_probabilities / 2))
    monkeypatch.setitem(small_run.predictions, "teammate", answers)
    monkeypatch.setitem(small_run.predictions, "vlm", softer)
    served = small_run.served(("hog", "teammate", "vlm"))
    assert served.left_out == ("teammate", "vlm")
    assert served.pooled.pooled.members == ("hog",)


def test_without_any_checkpoint_nothing_is_saved(small_run, monkeypatch):
    monkeypatch.setitem(small_run.predictions, "teammate", small_run.predictions["hog"])
    served = small_run.served(("teammate",))
    assert isinstance(small_run.ensemble(served), Skipped)


def test_members_come_with_those_that_they_build_on():
    configurations = {
        "concat": {"made_by": {"members": ["hog", "timm_frozen"]}},
        "hog": {"made_by": {"encoder": {}}},
        "timm_frozen": {"made_by": {"encoder": {}}},
        "vlm": {"hinting_member": "concat"},
        "clip": {"hinting_member": None},
    }
    needed = members_needed(["vlm", "clip"], configurations)
    assert needed == ("vlm", "clip", "concat", "hog", "timm_frozen")


def test_the_agreement_is_measured_and_a_disagreement_is_refused(classifier, small_run, served):
    predictions = served.refined.predictions
    report = compare_with_run(classifier, predictions, small_run.photos, small_run.store)
    assert report["photos"] == 8
    assert report["largest_difference"] < 1e-5
    turned = replace(predictions, log_probabilities=predictions.log_probabilities[:, ::-1])
    with pytest.raises(AgreementError, match="differ by up to"):
        compare_with_run(classifier, turned, small_run.photos, small_run.store)


def test_where_an_accelerator_took_part_rounding_is_no_disagreement(
    classifier, small_run, served, monkeypatch
):
    from dataclasses import replace

    predictions = served.refined.predictions
    values = predictions.log_probabilities
    rounding = np.random.default_rng(0).normal(0, 0.02, values.shape)
    moved = replace(predictions, log_probabilities=normalise_log(values + rounding))
    with pytest.raises(AgreementError, match="differ by up to"):
        compare_with_run(classifier, moved, small_run.photos, small_run.store)
    configuration = classifier.ensemble.checkpoints["clip_frozen"].configuration
    monkeypatch.setitem(configuration, "encoded_on", "a card")
    report = compare_with_run(classifier, moved, small_run.photos, small_run.store)
    assert report["largest_difference"] > 1e-3
    turned = replace(predictions, log_probabilities=values[:, ::-1])
    with pytest.raises(AgreementError, match="differ by up to"):
        compare_with_run(classifier, turned, small_run.photos, small_run.store)


def test_joined_features_of_new_photos_are_those_of_the_run(classifier, small_run):
    photos = small_run.test_photos()[:5]
    asked = classifier.asked(photos["sha256"].tolist(), small_run.store)
    blocks = [small_run.features[name].rows(photos["photo_id"]) for name in small_run.features]
    got = join_matrices([asked.features(name) for name in small_run.features])
    # Features are kept in half precision: a value at the edge of two steps may take either.
    np.testing.assert_allclose(got, join_matrices(blocks), rtol=2**-10, atol=1e-6)


def test_an_open_gate_looks_at_new_photos_as_at_the_runs(small_run, served, tmp_path):
    """No gate opens on rendered cars by itself, so that one is put in."""
    from chajong.inference.saved import write_ensemble

    classes = len(served.refined.predictions.class_names)
    gate = Gate(
        -1.0, np.array([0.5, 0.5, 2.0]), np.zeros(3), np.ones(3), np.full(classes, -np.log(classes))
    )
    steps = RefiningSteps(NO_FAMILY_TEMPERATURES, NO_SPECIALISTS, gate)
    refined = replace(served.refined, steps=steps)
    features = small_run.features[refined.features_of]
    ensemble = build_ensemble(
        served.pooled.pooled,
        refined,
        small_run.checkpoints,
        small_run.tables,
        classifier_settings(small_run),
        features,
        "---\n---\n",
        {},
    )
    write_ensemble(ensemble, tmp_path / "ensemble")
    loaded = CarClassifier.load(tmp_path / "ensemble")
    rows = served.pooled.pooled.predictions.rows
    folds = rows["fold"].where(rows["split"] == "train", -1).to_numpy()
    distance = neighbour_distance(features.rows(rows["photo_id"]), folds)[:, None]
    test = np.flatnonzero((rows["split"] == "test").to_numpy())[:6]
    pooled = served.pooled.pooled.predictions.log_probabilities[test]
    contents = small_run.photos.set_index("photo_id").loc[rows["photo_id"].iloc[test], "sha256"]
    got = loaded.ensemble.log_probabilities(loaded.asked(contents.tolist(), small_run.store))
    expected = gate.log_probabilities(pooled, distance[test])
    np.testing.assert_allclose(np.exp(got), np.exp(expected), atol=1e-5)
    assert np.abs(np.exp(got) - np.exp(pooled)).max() > 0.01


def classifier_settings(small_run):
    from chajong.photos.preparation import StoreSettings

    return StoreSettings(**small_run.store.settings)
