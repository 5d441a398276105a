import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.members.vlm.name_scoring.null_image import WithoutPrior
from chajong.members.vlm.name_scoring.scoring import CandidateScorer


def test_the_grey_photos_likelihoods_are_subtracted(model, photos, prompts, candidates):
    scorer = NamesInOnePass(model)
    grey = [np.full_like(photo, 127) for photo in photos]
    with torch.inference_mode():
        seen = scorer.log_likelihoods(photos, prompts, candidates).numpy()
        unseen = scorer.log_likelihoods(grey, prompts, candidates).numpy()
    found = WithoutPrior(scorer, strength=0.7).score(photos, prompts, candidates)
    np.testing.assert_allclose(found, log_softmax(seen - 0.7 * unseen, axis=1), atol=1e-4)


def test_a_grey_photo_says_nothing(model, photos, prompts, candidates):
    grey = [np.full_like(photo, 127) for photo in photos]
    found = WithoutPrior(NamesInOnePass(model)).score(grey, prompts, candidates)
    np.testing.assert_allclose(found, np.log(1 / len(candidates[0])), atol=1e-4)


def test_strength_zero_changes_nothing(model, photos, prompts, candidates):
    scorer = NamesInOnePass(model)
    asked = photos, prompts, candidates
    found = WithoutPrior(scorer, strength=0.0).score(*asked)
    np.testing.assert_allclose(found, scorer.score(*asked), atol=1e-6)


@pytest.fixture
def counting():
    class Counting(CandidateScorer):
        asked = ()

        def log_likelihoods(self, photos, prompts, candidates):
            self.asked += (len(photos),)
            return torch.zeros(len(photos), len(candidates[0]))

    return Counting()


def test_the_same_question_is_asked_once(counting):
    photos = [np.zeros((28, 28, 3), np.uint8)] * 4
    WithoutPrior(counting).score(photos, ["?", "?", "!", "?"], [["가", "나"]] * 4)
    assert counting.asked == (4, 2)
