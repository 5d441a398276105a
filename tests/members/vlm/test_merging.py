from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from chajong.members.vlm import merging
from chajong.members.vlm.candidate_merge import CandidateEvidence, cross_fit_candidate_merge
from chajong.members.vlm.merging import Answers, merge_predictions
from chajong.names.table import class_table
from chajong.predictions.metric import most_probable

FOLDS, CLASSES, TOP = 3, 8, 4
CLASS_NAMES = [f"차종{number}" for number in range(CLASSES)]


@pytest.fixture(scope="module")
def drawn(make_tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return make_tables(folder, count=390, fold_count=FOLDS, in_slice=90, in_test=10)


def problem(drawn, seed=0):
    """A calibrated member, and photos whose labels it knows as well as it says.

    Returns:
        The tables; every fold's rows; and the member's log-probabilities of them.
    """
    generator = np.random.default_rng(seed)
    photo_ids = drawn.photos["photo_id"]
    logits = 1.5 * generator.normal(size=(len(photo_ids), CLASSES))
    labels = [generator.choice(CLASSES, p=row) for row in softmax(logits, axis=1)]
    named = np.where(drawn.photos["split"] == "train", np.array(CLASS_NAMES)[labels], None)
    tables = replace(
        drawn,
        photos=drawn.photos.assign(class_name=named),
        classes=class_table(dict(zip(CLASS_NAMES, CLASS_NAMES, strict=True))),
    )
    rows = pd.concat([tables.rows_of_fold(fold) for fold in range(FOLDS)], ignore_index=True)
    place = pd.Series(range(len(photo_ids)), index=photo_ids)
    member = log_softmax(logits[place.loc[rows["photo_id"]]], axis=1).astype(np.float32)
    return tables, rows, member


def answers(tables, rows, member, knowledge, seed=0, asked=None):
    """Answers that are right about this share of the photos with a label, and else of chance."""
    generator = np.random.default_rng((seed, 1))
    candidates = most_probable(member, TOP)
    labels = np.full(len(rows), -1)
    labelled = (rows["split"] != "test").to_numpy()
    labels[labelled] = tables.labels_of(rows["photo_id"][labelled])
    chosen = generator.integers(TOP, size=len(rows))
    inside = candidates == labels[:, None]
    right = (generator.random(len(rows)) < knowledge) & inside.any(axis=1)
    chosen = np.where(right, inside.argmax(axis=1), chosen)
    logits = generator.normal(size=candidates.shape)
    logits[np.arange(len(rows)), chosen] += 2
    asked = np.ones(len(rows), bool) if asked is None else asked
    scores = np.where(asked[:, None], log_softmax(logits, axis=1), 0).astype(np.float32)
    return Answers(rows, CandidateEvidence(member, candidates, scores), asked)


def obvious_gain(tables, rows, merged, member):
    gains = []
    for row, after, before in zip(rows.itertuples(), merged, member, strict=True):
        if row.split == "train" and row.label_counts:
            [label] = tables.labels_of([row.photo_id])
            gains.append(float(after[label]) - float(before[label]))
    return np.mean(gains)


@pytest.mark.parametrize("seed", range(3))
def test_answers_that_know_more_than_the_member_help(drawn, seed):
    tables, rows, member = problem(drawn, seed)
    told = answers(tables, rows, member, 0.8, seed)
    predictions, merge, report = merge_predictions(told, tables)
    assert report["parts"] == report["parts_with_answers"] == FOLDS
    assert 0 < report["gain_low"] < report["gain"] < report["gain_high"]
    assert report["gain"] == pytest.approx(
        obvious_gain(tables, rows, predictions.log_probabilities, member), abs=1e-5
    )
    assert report["asked_share"] == 1
    assert report["answer_weight"] == merge.second_weight > 0.3
    assert predictions.rows is rows
    in_slice = (rows["split"] == "calibration").to_numpy()
    position = np.flatnonzero(in_slice), tables.labels_of(rows["photo_id"][in_slice])
    assert (predictions.log_probabilities - member)[position].mean() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_answers_of_chance_leave_the_member_as_it_is(drawn, seed):
    tables, rows, member = problem(drawn, seed)
    predictions, merge, report = merge_predictions(answers(tables, rows, member, 0, seed), tables)
    assert report["parts_with_answers"] == 0
    assert (merge.member_weight, merge.second_weight) == (1, 0)
    assert report["gain"] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(predictions.log_probabilities, member, atol=1e-6)


def test_answers_of_chance_are_seldom_believed_and_hardly_hurt(drawn):
    reports = []
    for seed in range(10, 22):
        tables, rows, member = problem(drawn, seed)
        reports.append(merge_predictions(answers(tables, rows, member, 0, seed), tables)[2])
    assert np.mean([report["parts_with_answers"] for report in reports]) < 0.2 * FOLDS
    assert min(report["gain"] for report in reports) > -0.02


def test_only_rows_that_were_asked_about_change(drawn):
    tables, rows, member = problem(drawn)
    asked = member.max(axis=1) < np.log(0.5)
    told = answers(tables, rows, member, 0.8, asked=asked)
    predictions, _, report = merge_predictions(told, tables)
    changed = (np.abs(predictions.log_probabilities - member) > 1e-6).any(axis=1)
    assert np.array_equal(predictions.log_probabilities[~asked], member[~asked])
    assert changed[asked].mean() > 0.95
    assert report["asked_share"] == asked.mean()
    assert report["gain_low"] > 0


def test_where_nothing_was_asked_the_member_remains(drawn):
    tables, rows, member = problem(drawn)
    told = answers(tables, rows, member, 0.8, asked=np.zeros(len(rows), bool))
    predictions, _, report = merge_predictions(told, tables)
    assert np.array_equal(predictions.log_probabilities, member)
    assert (report["parts_with_answers"], report["gain"], report["asked_share"]) == (0, 0, 0)


def test_a_single_trained_fold_is_fitted_in_two_parts(drawn):
    tables, rows, member = problem(drawn)
    told = answers(tables, rows, member, 0.8).take((rows["fold"] == 1).to_numpy())
    predictions, _, report = merge_predictions(told, tables)
    assert (report["parts"], report["parts_with_answers"]) == (2, 2)
    assert len(predictions.rows) == (rows["fold"] == 1).sum()


def with_other_labels(tables, photo_ids):
    """Move every label of some photos on to the next class."""
    photos = tables.photos.copy()
    chosen = photos["photo_id"].isin(photo_ids)
    moved = dict(zip(CLASS_NAMES, np.roll(CLASS_NAMES, -1), strict=True))
    photos.loc[chosen, "class_name"] = photos.loc[chosen, "class_name"].map(moved)
    return replace(tables, photos=photos)


def folds_that_depend_on_the_labels_of(fold, drawn):
    """Say whose out-of-fold rows change when one fold's labels do, and no answer."""
    tables, rows, member = problem(drawn)
    told = answers(tables, rows, member, 0.8)
    own = tables.folds.loc[tables.folds["fold"] == fold, "photo_id"]
    before, after = (
        merge_predictions(told, given)[0].log_probabilities
        for given in (tables, with_other_labels(tables, own))
    )
    changed = (before != after).any(axis=1) & (rows["split"] == "train")
    return set(rows["fold"][changed])


def leaky_cross_fit(*given):
    fitted = cross_fit_candidate_merge(*given)
    return replace(fitted, by_part=dict.fromkeys(fitted.by_part, fitted.overall))


@pytest.mark.parametrize("fold", range(FOLDS))
def test_no_row_depends_on_the_labels_of_its_own_fold(drawn, fold):
    assert folds_that_depend_on_the_labels_of(fold, drawn) == set(range(FOLDS)) - {fold}


def test_weights_fitted_on_all_folds_would_be_seen(drawn, monkeypatch):
    monkeypatch.setattr(merging, "cross_fit_candidate_merge", leaky_cross_fit)
    assert 1 in folds_that_depend_on_the_labels_of(1, drawn)


def test_weights_depend_on_photos_that_were_asked_about_alone(drawn):
    tables, rows, member = problem(drawn)
    asked = member.max(axis=1) < np.log(0.5)
    told = answers(tables, rows, member, 0.8, asked=asked)
    others = with_other_labels(tables, rows["photo_id"][~asked])
    assert merge_predictions(told, others)[1] == merge_predictions(told, tables)[1]


class TestByThemselves:
    @given(st.integers(0, 10_000), st.floats(0.1, 3), st.floats(0.1, 30))
    def test_they_are_distributions_that_keep_the_members_share(self, seed, sureness, scale):
        generator = np.random.default_rng(seed)
        member = log_softmax(sureness * generator.normal(size=(5, CLASSES)), axis=1)
        candidates = most_probable(member, TOP)
        scores = -scale * generator.random((5, TOP))
        rows = pd.DataFrame({"photo_id": list("abcde")})
        told = Answers(rows, CandidateEvidence(member, candidates, scores), np.arange(5) != 2)
        [alone] = told.by_themselves().evidence
        alone = np.exp(alone.astype(np.float64))
        np.testing.assert_allclose(alone.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(alone[2], np.exp(member[2]), rtol=1e-5)
        for row in (0, 1, 3, 4):
            share = np.exp(member[row, candidates[row]]).sum()
            expected = share * softmax(scores[row])
            np.testing.assert_allclose(alone[row, candidates[row]], expected, rtol=1e-4)
