"""Which photos a vision-language model is asked about, and what: when scoring as when serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chajong.members.vlm.candidate_merge import CandidateEvidence
from chajong.members.vlm.merging import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from chajong.members.vlm.questions import Question, QuestionWriter

    Score = Callable[[Sequence[str], Sequence[Question]], np.ndarray]
    """From photos and one question each to log-probabilities float32 [photos, candidates]."""


def ask_about_all(writer: QuestionWriter, contents: Sequence[str], score: Score) -> np.ndarray:
    """Ask about every photo, and about every name.

    Args:
        writer: Words the questions.
        contents: sha-256 of each photo.
        score: Asks a fold's model.

    Returns:
        float32 [photos, classes].
    """
    return score(contents, [writer.in_prediction(content, None) for content in contents])


def ask_where_unsure(
    writer: QuestionWriter,
    contents: Sequence[str],
    rows: pd.DataFrame,
    predicted: np.ndarray,
    score: Score,
) -> Answers:
    """Ask about the photos of which another member is not sure, and about its candidates.

    Args:
        writer: Words the questions.
        contents: sha-256 of each photo.
        rows: What `Answers` keeps of each photo.
        predicted: The other member's log-probabilities [photos, classes].
        score: Asks a fold's model; it is left alone where there is nothing to ask.

    Returns:
        The answers beside what the other member says.
    """
    questions = [
        writer.in_prediction(content, values)
        for content, values in zip(contents, predicted, strict=True)
    ]
    candidates = np.array([question.candidates for question in questions])
    asked = writer.unsure(predicted)
    scores = np.zeros(candidates.shape, np.float32)
    if asked.any():
        chosen = np.flatnonzero(asked).tolist()
        scores[asked] = score([contents[row] for row in chosen], [questions[row] for row in chosen])
    return Answers(rows, CandidateEvidence(predicted, candidates, scores), asked)
