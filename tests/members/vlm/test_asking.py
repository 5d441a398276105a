"""What serves must be what was scored: the same photos asked about, the same questions, answers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from chajong.members.vlm import candidate_merge
from chajong.members.vlm.asking import ask_where_unsure
from chajong.members.vlm.hints import Hints
from chajong.members.vlm.member import predict_folds, train_folds
from chajong.members.vlm.parameters import HintsParameters
from chajong.members.vlm.questions import QuestionWriter
from chajong.members.vlm.scorer import VlmScorer
from chajong.photos.store import PhotoStore

LOOK_ALIKES = ("K5", "K7", "K8", "K9")


@dataclass
class NewPhotos:
    """The test photos of a run as if they were new, with what the hinting member says of them."""

    contents: tuple[str, ...]
    store: PhotoStore
    hints: Hints | None
    rows: pd.DataFrame

    def by_fold(self, member):
        assert member == self.hints.member
        return {fold: self.hints.of_rows(rows) for fold, rows in self.rows.groupby("fold")}


@pytest.fixture
def answers_are_always_merged(monkeypatch):
    """A model with random weights helps nobody, and would be left out of its own test."""
    monkeypatch.setattr(candidate_merge, "mean_interval", lambda gains, groups: (1.0, 1.0))


def scored_and_served(parameters, hints, tables, scratch):
    """Train two folds, and give what they say about the test photos in the run and as served."""
    weights, _, report = train_folds("vlm", parameters, hints, tables, scratch)
    predictions, checkpoint, _ = predict_folds("vlm", weights, report, hints, parameters, tables)
    test = (predictions.rows["split"] == "test").to_numpy()
    rows = predictions.rows[test]
    contents = tuple(tables.contents_of(rows["photo_id"].drop_duplicates()))
    served = VlmScorer("vlm", checkpoint)(NewPhotos(contents, tables.store, hints, rows))
    assert list(served) == rows["fold"].drop_duplicates().tolist() == [0, 1]
    return predictions.log_probabilities[test], np.concatenate(list(served.values()))


@pytest.mark.usefixtures("answers_are_always_merged")
@pytest.mark.parametrize("ask_below", [0.45, 1.0])
def test_where_another_member_is_unsure_the_served_answer_is_the_scored_one(
    asked, hints, tables, tmp_path, ask_below
):
    parameters = asked(ask_below=ask_below)
    scored, served = scored_and_served(parameters, hints, tables, tmp_path)
    np.testing.assert_allclose(served, scored, atol=1e-5)
    said = hints.predictions.log_probabilities[hints.predictions.rows["split"] == "test"]
    sure = said.max(axis=1) >= np.log(ask_below)
    assert 0 < sure.sum() < len(sure) if ask_below < 1 else not sure.any()
    np.testing.assert_array_equal(np.abs(scored - said).max(axis=1) < 1e-6, sure)


def test_about_every_name_the_served_answer_is_the_scored_one(asked, tables, tmp_path):
    scored, served = scored_and_served(asked(HintsParameters()), None, tables, tmp_path)
    np.testing.assert_allclose(served, scored, atol=1e-5)
    assert np.abs(scored[: len(scored) // 2] - scored[len(scored) // 2 :]).max() > 0.01


class TestWhereUnsure:
    @pytest.fixture
    def writer(self, settings):
        hints = HintsParameters(member="hog", count=1)
        return QuestionWriter(settings(ask_below=0.6, candidates=4), hints, LOOK_ALIKES)

    @pytest.fixture
    def predicted(self):
        shares = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.5, 0.2, 0.2], [0.1, 0.1, 0.2, 0.6]]
        return np.log(np.array(shares, np.float32))

    def test_only_these_photos_reach_the_model(self, writer, predicted):
        reached = []

        def score(contents, questions):
            reached.extend(zip(contents, questions, strict=True))
            return np.full((len(contents), 4), -1.0, np.float32)

        answers = ask_where_unsure(writer, "abc", pd.DataFrame(index=range(3)), predicted, score)
        assert reached == [("b", writer.in_prediction("b", predicted[1]))]
        np.testing.assert_array_equal(answers.asked, [False, True, False])
        np.testing.assert_array_equal(answers.evidence.scores[:, 0], [0, -1, 0])

    def test_a_model_that_nobody_needs_is_left_alone(self, writer, predicted):
        def score(contents, questions):
            pytest.fail("the model was asked")

        answers = ask_where_unsure(writer, "a", pd.DataFrame(index=[0]), predicted[:1], score)
        assert not answers.asked.any()
