"""What is saved where members cannot answer about new photos."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chajong import CarClassifier
from chajong.datasets import Skipped
from chajong.encoders.concatenation import join_matrices
from chajong.ensembling.family_temperature import NO_FAMILY_TEMPERATURES
from chajong.ensembling.pools.pool import Pool
from chajong.inference.agreement import AgreementError, check_agreement, keep_answers
from chajong.inference.member_models import can_answer, members_needed
from chajong.members.kinds.frozen import FrozenKind
from chajong.members.trained.tables import TrainingTables
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
    hinted = replace(checkpoint, configuration={"kind": "vlm", "builds_on": ["teammate"]})
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


def test_heads_are_not_fitted_on_features_of_other_photos(small_run):
    tables = TrainingTables(*small_run.tables, small_run.store)
    stale = replace(small_run.features["hog"], content="of before")
    with pytest.raises(ValueError, match=r"'hog' are of other photos.*--namespaces hog"):
        FrozenKind().predict("hog", stale, {}, tables, None)


BUILDS_ON = {
    "concat": ["hog", "timm_frozen"],
    "hog": [],
    "timm_frozen": [],
    "vlm": ["concat"],
    "hinted_by_others": ["teammate"],
    "clip": [],
}


def test_members_come_with_those_that_they_build_on():
    configurations = {member: {"builds_on": others} for member, others in BUILDS_ON.items()}
    needed = members_needed(["vlm", "clip"], configurations)
    assert needed == ("vlm", "clip", "concat", "hog", "timm_frozen")


def test_who_builds_on_a_table_of_others_cannot_answer():
    configurations = {member: {"builds_on": others} for member, others in BUILDS_ON.items()}
    able = {member for member in [*BUILDS_ON, "teammate"] if can_answer(member, configurations)}
    assert able == set(BUILDS_ON) - {"hinted_by_others"}


def turned(kept, name):
    """Give answers of which those of one name are another photo's."""
    said = {**kept.said, name: kept.said[name][::-1]}
    return replace(kept, said=said)


def classifier_that_said(classifier, kept):
    return CarClassifier(replace(classifier.ensemble, kept=kept))


@pytest.mark.parametrize("name", ["hog", "clip_frozen", "ensemble"])
def test_the_agreement_is_measured_and_a_disagreement_is_refused(classifier, name):
    report = check_agreement(classifier)
    assert report["photos"] == 8
    assert report["largest_difference"] < 1e-5
    other = classifier_that_said(classifier, turned(classifier.ensemble.kept, name))
    with pytest.raises(AgreementError, match=rf"{name}.*differ by up to.*kedro run"):
        other.warm_up()


def test_a_member_without_weight_is_not_even_built(classifier, small_run):
    ensemble = classifier.ensemble
    weights = tuple(float(member == "hog") for member in ensemble.members)
    said = {**turned(ensemble.kept, "clip_frozen").said, "ensemble": ensemble.kept.said["hog"]}
    weighed = replace(
        ensemble,
        pool=Pool("uniform", weights),
        families=NO_FAMILY_TEMPERATURES,
        kept=replace(ensemble.kept, said=said),
    )
    asked = CarClassifier(weighed)
    asked.warm_up()
    photo = small_run.path(small_run.test_photos()["photo_id"].iloc[0]).read_bytes()
    got, expected = (each.predict(photo) for each in (asked, classifier.only("hog")))
    pd.testing.assert_frame_equal(got, expected)
    assert set(asked._models._scorers) == {"hog"}


def test_where_an_accelerator_took_part_rounding_is_no_disagreement(classifier, monkeypatch):
    kept = classifier.ensemble.kept
    said = kept.said["ensemble"]
    rounding = np.random.default_rng(0).normal(0, 0.02, said.shape)
    moved = replace(kept, said={"ensemble": normalise_log(said + rounding)})
    with pytest.raises(AgreementError, match="differ by up to"):
        check_agreement(classifier_that_said(classifier, moved))
    configuration = classifier.ensemble.checkpoints["clip_frozen"].configuration
    monkeypatch.setitem(configuration, "encoded_on", "a card")
    report = check_agreement(classifier_that_said(classifier, moved))
    assert report["largest_difference"] > 1e-3
    with pytest.raises(AgreementError, match="differ by up to"):
        check_agreement(classifier_that_said(classifier, turned(moved, "ensemble")))


def test_kept_photos_are_test_photos_that_everybody_answers_about(small_run, served):
    ensemble = served.refined.predictions
    rows = ensemble.rows["photo_id"].isin(small_run.test_photos()["photo_id"][3:])
    few = small_run.predictions["hog"].take(
        np.flatnonzero(
            small_run.predictions["hog"].rows["photo_id"].isin(ensemble.rows["photo_id"][rows])
        )
    )
    kept = keep_answers(ensemble, {"hog": few}, small_run.photos, small_run.store)
    assert set(kept.photos.keys()) <= set(small_run.test_photos()["sha256"][3:])
    assert len(kept.said["hog"]) == len(kept.said["ensemble"]) == len(kept.photos) == 8


def test_without_test_photos_those_of_the_calibration_slice_are_kept(small_run, served):
    ensemble = served.refined.predictions
    unseen = ensemble.rows["split"] != "test"
    kept = keep_answers(
        ensemble.take(np.flatnonzero(unseen)), {}, small_run.photos, small_run.store
    )
    slice_ids = ensemble.rows.loc[ensemble.rows["split"] == "calibration", "photo_id"]
    contents = small_run.photos.set_index("photo_id").loc[slice_ids, "sha256"]
    assert set(kept.photos.keys()) <= set(contents)


def test_joined_features_of_new_photos_are_those_of_the_run(classifier, small_run):
    photos = small_run.test_photos()[:5]
    asked = classifier.asked(photos["sha256"].tolist(), small_run.store)
    blocks = [small_run.features[name].rows(photos["photo_id"]) for name in small_run.features]
    got = join_matrices([asked.features(name) for name in small_run.features])
    # Features are kept in half precision: a value at the edge of two steps may take either.
    np.testing.assert_allclose(got, join_matrices(blocks), rtol=2**-10, atol=1e-6)
