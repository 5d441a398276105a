"""A second opinion on a photo's most probable classes, merged so that it cannot hurt.

A member names the K most probable classes of a photo; a second model scores only these. The
member's mass M on the K classes stays, its other classes stay, and within the K

    p(c) = M · softmax_K(a · log p_member(c) + b · s(c)).

The weights a = 1, b = 0 give the member back. They are taken wherever the gain of others is not
certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chajong.predictions.cross_fitting import CrossFitted, cross_fit
from chajong.predictions.intervals import mean_interval
from chajong.predictions.mixture import fit_mixture


@dataclass(frozen=True, eq=False)
class CandidateEvidence:
    """What a member and a second model say about photos.

    Attributes:
        log_probabilities: The member's, [photos, classes], natural logarithms.
        candidates: int [photos, K], the classes that were scored.
        scores: [photos, K], the second model's log-probabilities or log-likelihoods of them.

    Raises:
        ValueError: If the shapes do not fit, a class is twice among a photo's candidates or does
            not exist, or a score is not finite.
    """

    log_probabilities: np.ndarray
    candidates: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        photos, classes = self.log_probabilities.shape
        if self.candidates.shape != self.scores.shape or len(self.candidates) != photos:
            raise ValueError(
                f"{photos} photos, candidates {self.candidates.shape} and scores "
                f"{self.scores.shape} do not fit: give every photo a score for each candidate."
            )
        ordered = np.sort(self.candidates, axis=1)
        if photos and (ordered[:, 0].min() < 0 or ordered[:, -1].max() >= classes):
            raise ValueError(f"A candidate is none of the {classes} classes: give class indices.")
        repeated = (np.diff(ordered, axis=1) == 0).any(axis=1)
        if repeated.any():
            row = int(np.argmax(repeated))
            raise ValueError(
                f"Photo {row} has a class twice among its candidates {self.candidates[row]}."
            )
        if not np.isfinite(self.scores).all():
            row = int(np.argmin(np.isfinite(self.scores).all(axis=1)))
            raise ValueError(f"The second model's scores of photo {row} are not all finite.")

    @property
    def own_scores(self) -> np.ndarray:
        """The member's log-probabilities of the candidates, float64 [photos, K]."""
        taken: np.ndarray = np.take_along_axis(self.log_probabilities, self.candidates, axis=1)
        return taken.astype(np.float64)

    def take(self, rows: np.ndarray) -> CandidateEvidence:
        """Return some photos (integers or a mask), in that order."""
        return CandidateEvidence(
            self.log_probabilities[rows], self.candidates[rows], self.scores[rows]
        )


@dataclass(frozen=True)
class CandidateMerge:
    """How much weight both models have among the candidates.

    Attributes:
        member_weight: a, of the member's log-probabilities.
        second_weight: b, of the second model's scores.
    """

    member_weight: float = 1.0
    second_weight: float = 0.0

    def log_probabilities(self, evidence: CandidateEvidence) -> np.ndarray:
        """Merge.

        Args:
            evidence: What both models say.

        Returns:
            float32 [photos, classes]; the member's outside the candidates.
        """
        from scipy.special import log_softmax, logsumexp

        if self == MEMBER_ALONE:
            return evidence.log_probabilities.astype(np.float32)
        own = evidence.own_scores
        mixed = self.member_weight * own + self.second_weight * evidence.scores
        inside = logsumexp(own, axis=1, keepdims=True) + log_softmax(mixed, axis=1)
        merged = evidence.log_probabilities.astype(np.float32)
        np.put_along_axis(merged, evidence.candidates, inside.astype(np.float32), axis=1)
        return merged


MEMBER_ALONE = CandidateMerge()


def fit_candidate_merge(
    evidence: CandidateEvidence, labels: np.ndarray, groups: np.ndarray
) -> CandidateMerge:
    """Find the weights with the lowest log loss, or keep the member alone.

    Photos whose label is none of their candidates do not depend on the weights; they count in the
    gain, as zero.

    Args:
        evidence: Of photos whose label counts.
        labels: int [photos], class indices.
        groups: int [photos]; photos of one group are resampled together.

    Returns:
        The weights, or `MEMBER_ALONE` where the interval of the gain is not above zero.
    """
    inside = evidence.candidates == labels[:, None]
    useful = inside.any(axis=1)
    if not useful.any():
        return MEMBER_ALONE
    kinds = [evidence.own_scores[useful], evidence.scores[useful]]
    fitted = CandidateMerge(*fit_mixture(kinds, inside[useful].argmax(axis=1)).weights)
    lowest, _ = mean_interval(merge_gains(fitted, evidence, labels), groups)
    return fitted if lowest > 0 else MEMBER_ALONE


def cross_fit_candidate_merge(
    evidence: CandidateEvidence,
    labels: np.ndarray,
    label_counts: np.ndarray,
    groups: np.ndarray,
    parts: np.ndarray,
) -> CrossFitted[CandidateMerge]:
    """Fit the weights without each part, and once on all photos.

    Weights and the choice between them and the member alone are both made on the other parts.

    Args:
        evidence: Of out-of-fold photos.
        labels: int [photos], class indices.
        label_counts: bool [photos], whether a photo may be fitted on.
        groups: int [photos].
        parts: int [photos], as `cross_fitting_parts` gives them.

    Raises:
        ValueError: If there are fewer than two parts.
    """

    def fit(rows: np.ndarray) -> CandidateMerge:
        counted = rows & label_counts
        return fit_candidate_merge(evidence.take(counted), labels[counted], groups[counted])

    return cross_fit(fit, parts)


def merge_gains(
    merge: CandidateMerge, evidence: CandidateEvidence, labels: np.ndarray
) -> np.ndarray:
    """Return by how many nats the merge is better than the member on each photo, [photos]."""
    photos = np.arange(len(labels))
    merged = merge.log_probabilities(evidence)[photos, labels].astype(np.float64)
    gains: np.ndarray = merged - evidence.log_probabilities[photos, labels].astype(np.float32)
    return gains
