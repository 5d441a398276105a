import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from chajong.members.vlm.candidate_merge import (
    MEMBER_ALONE,
    CandidateEvidence,
    CandidateMerge,
    cross_fit_candidate_merge,
    fit_candidate_merge,
    merge_gains,
)
from chajong.predictions.metric import most_probable

CLASSES, TOP = 12, 4


def problem(seed, knowledge, photos=600):
    """A second model whose scores are right by `knowledge` nats, and otherwise noise."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(photos, CLASSES)) * 2
    labels = np.array([generator.choice(CLASSES, p=row) for row in softmax(logits, axis=1)])
    member = log_softmax(logits, axis=1).astype(np.float32)
    candidates = most_probable(member, TOP)
    noise = generator.normal(size=(photos, TOP))
    scores = log_softmax(noise + knowledge * (candidates == labels[:, None]), axis=1)
    return CandidateEvidence(member, candidates, scores), labels


def obvious(evidence, a, b):
    rows = []
    for member, candidates, scores in zip(
        evidence.log_probabilities, evidence.candidates, evidence.scores, strict=True
    ):
        p = np.exp(member.astype(float))
        mass = sum(p[c] for c in candidates)
        weights = [p[c] ** a * np.exp(b * s) for c, s in zip(candidates, scores, strict=True)]
        for c, weight in zip(candidates, weights, strict=True):
            p[c] = mass * weight / sum(weights)
        rows.append(p)
    return np.array(rows)


@given(st.integers(0, 50), st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_the_merge_is_its_formula_and_a_distribution(seed, a, b):
    evidence, _ = problem(seed, 1.0, photos=5)
    merged = np.exp(CandidateMerge(a, b).log_probabilities(evidence))
    np.testing.assert_allclose(merged, obvious(evidence, a, b), rtol=1e-4)
    np.testing.assert_allclose(merged.sum(axis=1), 1, rtol=1e-5)


def test_the_member_alone_is_left_as_it_is():
    evidence, _ = problem(0, 1.0)
    merged = MEMBER_ALONE.log_probabilities(evidence)
    assert merged.dtype == np.float32
    np.testing.assert_allclose(merged, evidence.log_probabilities, atol=1e-6)


def test_classes_outside_the_candidates_are_untouched():
    evidence, _ = problem(0, 1.0)
    merged = CandidateMerge(0.5, 2.0).log_probabilities(evidence)
    outside = np.ones_like(merged, dtype=bool)
    np.put_along_axis(outside, evidence.candidates, False, axis=1)
    assert np.array_equal(merged[outside], evidence.log_probabilities[outside])


def test_a_second_model_that_knows_more_gets_weight_and_helps_on_other_photos():
    evidence, labels = problem(1, 2.0)
    seen = np.arange(len(labels)) < 300
    found = fit_candidate_merge(evidence.take(seen), labels[seen], np.arange(300))
    assert found.second_weight > 0.5
    assert merge_gains(found, evidence.take(~seen), labels[~seen]).mean() > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_noise_leaves_the_member_alone(seed):
    evidence, labels = problem(seed, 0.0)
    assert fit_candidate_merge(evidence, labels, np.arange(len(labels))) == MEMBER_ALONE


def test_a_gain_of_one_group_only_is_not_certain():
    evidence, labels = problem(1, 2.0, photos=60)
    scores = evidence.scores.copy()
    scores[20:] = 0.0
    once = CandidateEvidence(evidence.log_probabilities, evidence.candidates, scores)
    groups = np.where(np.arange(60) < 20, 0, np.arange(60))
    assert fit_candidate_merge(once, labels, groups) == MEMBER_ALONE
    assert fit_candidate_merge(once, labels, np.arange(60)) != MEMBER_ALONE


def test_labels_outside_the_candidates_leave_the_member_alone():
    evidence, _ = problem(0, 1.0)
    labels = most_probable(evidence.log_probabilities, CLASSES)[:, -1]
    assert fit_candidate_merge(evidence, labels, np.arange(len(labels))) == MEMBER_ALONE


def test_no_part_is_merged_with_weights_that_saw_it():
    evidence, labels = problem(2, 2.0)
    parts = np.arange(len(labels)) % 3
    counts = np.arange(len(labels)) % 7 != 0
    groups = np.arange(len(labels))
    fitted = cross_fit_candidate_merge(evidence, labels, counts, groups, parts)
    for part in range(3):
        rows = counts & (parts != part)
        expected = fit_candidate_merge(evidence.take(rows), labels[rows], groups[rows])
        assert fitted.by_part[part] == expected
    spoiled = labels.copy()
    spoiled[parts == 1] = (labels[parts == 1] + 1) % CLASSES
    again = cross_fit_candidate_merge(evidence, spoiled, counts, groups, parts)
    assert again.by_part[1] == fitted.by_part[1]
    assert again.by_part[0] != fitted.by_part[0]


def test_one_group_makes_no_gain_certain():
    evidence, labels = problem(1, 2.0)
    assert fit_candidate_merge(evidence, labels, np.zeros(len(labels), int)) == MEMBER_ALONE


@pytest.mark.parametrize(
    ("candidates", "scores", "message"),
    [
        ([[0, 1]], [[0.0, 0.0]], "2 photos, candidates"),
        ([[0, 1], [1, 2]], [[0.0], [0.0]], "do not fit"),
        ([[0, 1], [1, 3]], [[0.0, 0.0]] * 2, "none of the 3 classes"),
        ([[0, 1], [1, 1]], [[0.0, 0.0]] * 2, "Photo 1 has a class twice"),
        ([[0, 1], [1, 2]], [[0.0, 0.0], [0.0, np.nan]], "scores of photo 1 are not all finite"),
    ],
)
def test_evidence_that_does_not_fit_is_refused(candidates, scores, message):
    member = np.log(np.full((2, 3), 1 / 3, np.float32))
    with pytest.raises(ValueError, match=message):
        CandidateEvidence(member, np.array(candidates), np.array(scores))
