"""How vision-language models score new photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.members.trained.checkpoint import fold_weights
from chajong.members.vlm.asking import ask_about_all, ask_where_unsure
from chajong.members.vlm.candidate_merge import MEMBER_ALONE, CandidateMerge
from chajong.members.vlm.checkpoint import check_answers, restore_fold_model
from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters
from chajong.members.vlm.questions import QuestionWriter
from chajong.members.vlm.scoring import score_photos
from chajong.predictions.mixture import Mixture
from chajong.training.moving_average import load_trained_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.members.checkpoint import Checkpoint
    from chajong.members.kind import ByFold, NewPhotos
    from chajong.members.vlm.asking import Score
    from chajong.members.vlm.classifier import VlmClassifier
    from chajong.members.vlm.questions import Question


class VlmScorer:
    """A vision-language model that is asked about another member's candidates, or all names."""

    def __init__(self, member: str, checkpoint: Checkpoint) -> None:
        """Read what was fitted; the model is built when it is first asked."""
        self._member = member
        self._checkpoint = checkpoint
        configuration = checkpoint.configuration
        self._folds = configuration["folds"]
        self._fitted = configuration["fitted"]
        self._parameters = VlmClassifierParameters(**configuration["model"])
        hints = HintsParameters(**configuration["hints"])
        self._hinting = hints.member
        self._writer = QuestionWriter(self._parameters, hints, configuration["class_names"])
        self._model: VlmClassifier | None = None
        self._proven: set[int] = set()

    def __call__(self, photos: NewPhotos) -> ByFold:
        """See `Scorer`."""
        if self._hinting is None:
            return {fold: self._alone(fold, photos) for fold in self._folds}
        hints = photos.by_fold(self._hinting)
        return {fold: self._merged(fold, photos, hints[fold]) for fold in self._folds}

    def _alone(self, fold: int, photos: NewPhotos) -> np.ndarray:
        scores = ask_about_all(self._writer, photos.contents, self._score(fold, photos))
        return Mixture((1 / self._fitted["answer_temperature"],)).log_probabilities([scores])

    def _merged(self, fold: int, photos: NewPhotos, predicted: np.ndarray) -> np.ndarray:
        merge = CandidateMerge(self._fitted["member_weight"], self._fitted["answer_weight"])
        if merge == MEMBER_ALONE:
            return predicted
        answers = ask_where_unsure(
            self._writer,
            photos.contents,
            pd.DataFrame(index=range(len(photos.contents))),
            predicted,
            self._score(fold, photos),
        )
        return answers.merged(merge)

    def _score(self, fold: int, photos: NewPhotos) -> Score:
        """Ask one fold's model, which is built when it is first asked."""

        def score(asked: Sequence[str], questions: Sequence[Question]) -> np.ndarray:
            model = self._fold_model(fold)
            return score_photos(
                model, asked, questions, photos.store, f"{self._member}, fold {fold}"
            )

        return score

    def _fold_model(self, fold: int) -> VlmClassifier:
        """Give one fold's model; all folds share one model, whose adapters are put in."""
        if self._model is None:
            self._model = restore_fold_model(self._checkpoint, fold)
            self._proven.add(fold)
        elif weights := fold_weights(self._checkpoint, fold):
            load_trained_weights(self._model, weights)
        if fold not in self._proven:
            check_answers(self._model, self._checkpoint, fold)
            self._proven.add(fold)
        return self._model
