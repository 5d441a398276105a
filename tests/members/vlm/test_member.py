import logging
from dataclasses import replace

import numpy as np
import pytest

from chajong.members.vlm import member
from chajong.members.vlm.hints import Hints
from chajong.members.vlm.member import (
    example_questions,
    model_identity,
    predict_folds,
    train_folds,
)
from chajong.predictions.contract import train_rows


@pytest.fixture(scope="module")
def trained(settings, training, hints, tables, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    return train_folds(settings(), training, hints, tables, scratch)


@pytest.fixture(scope="module")
def predicted(trained, settings, hints, tables):
    weights, _, report = trained
    return predict_folds(weights, report, hints, settings(), tables)


class TestTraining:
    def test_the_loss_falls(self, settings, training, hints, tables, tmp_path):
        longer = training.model_copy(update={"epochs": 12, "folds": (0,)})
        _, history, _ = train_folds(settings(), longer, hints, tables, tmp_path)
        losses = history["training_loss"].to_numpy()
        assert losses[-5:].mean() < 0.5 * losses[:5].mean()

    def test_other_hints_are_another_training(self, settings, hints):
        changed = replace(
            hints.predictions, log_probabilities=hints.predictions.log_probabilities[:, ::-1].copy()
        )
        other = Hints("hog", changed)
        assert model_identity(settings(), hints) != model_identity(settings(), other)
        assert model_identity(settings(), hints) == model_identity(settings(ask_below=0.5), hints)

    def test_examples_show_what_is_asked(self, settings, hints, tables):
        examples = example_questions(settings(), hints, tables, count=5)
        assert len(examples) == 5
        slice_ = tables.folds.loc[tables.folds["fold"] == -1, "photo_id"]
        assert not examples["photo_id"].isin(slice_).any()
        for row in examples.itertuples():
            assert row.answer in row.candidates


class TestPrediction:
    def test_every_row_of_the_contract_is_there(self, predicted, hints):
        predictions, _, metrics = predicted
        key = ["photo_id", "fold"]
        assert predictions.rows[key].equals(hints.predictions.rows[key])
        assert metrics["hinting_member"] == "hog"
        assert metrics["asked_share"] == 1.0

    def test_the_gain_is_that_over_the_hinting_member(self, predicted, hints, tables):
        predictions, _, metrics = predicted
        own, member = train_rows(predictions), train_rows(hints.predictions)
        labels = tables.labels_of(own.rows["photo_id"])
        place = np.arange(len(labels))
        gains = own.log_probabilities[place, labels] - member.log_probabilities[place, labels]
        counted = own.rows["label_counts"].to_numpy()
        assert metrics["gain"] == pytest.approx(gains[counted].mean(), abs=1e-6)
        assert metrics["gain_low"] <= metrics["gain"] <= metrics["gain_high"]

    def test_sure_photos_are_taken_over(self, trained, settings, hints, tables):
        weights, _, report = trained
        careful = settings(ask_below=0.6)
        predictions, _, metrics = predict_folds(weights, report, hints, careful, tables)
        sure = hints.predictions.log_probabilities.max(axis=1) >= np.log(0.6)
        assert metrics["asked_share"] == pytest.approx(1 - sure.mean())
        assert 0 < sure.mean() < 1
        np.testing.assert_array_equal(
            predictions.log_probabilities[sure], hints.predictions.log_probabilities[sure]
        )

    def test_the_gain_is_logged(self, trained, settings, hints, tables, caplog):
        weights, _, report = trained
        with caplog.at_level(logging.INFO):
            predict_folds(weights, report, hints, settings(), tables)
        assert "nats a photo over hog" in caplog.text

    @pytest.mark.parametrize("objective", ["listwise", "letters"])
    def test_a_published_model_can_be_asked_as_it_is(
        self, settings, hints, tables, tmp_path, objective
    ):
        plain = settings(prior_correction=1.0, objective=objective, orders=2)
        weights, history, report = train_folds(plain, None, hints, tables, tmp_path)
        assert history.empty
        predictions, checkpoint, _ = predict_folds(weights, report, hints, plain, tables)
        assert len(predictions.rows) == len(hints.predictions.rows)
        assert not any(name.startswith("fold_") for name in checkpoint.tensors)

    def test_without_hints_every_name_is_asked_about(self, settings, training, tables, tmp_path):
        alone = settings(hints={"member": None}, objective="class_head")
        weights, _, report = train_folds(alone, training, None, tables, tmp_path)
        predictions, _, metrics = predict_folds(weights, report, None, alone, tables)
        assert metrics["answer_temperature"] > 0
        assert "gain" not in metrics
        np.testing.assert_allclose(np.exp(predictions.log_probabilities).sum(axis=1), 1, atol=1e-4)


class TestMemory:
    @pytest.fixture
    def watched(self, watched, monkeypatch):
        monkeypatch.setattr(member, "build_vlm_classifier", watched(member.build_vlm_classifier))
        return watched

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_a_fold_that_was_trained_is_let_go_before_the_next(
        self, settings, training, hints, tables, tmp_path, watched, precision
    ):
        changes = {"epochs": 1, "precision": precision, "gradient_checkpointing": True}
        train_folds(settings(), training.model_copy(update=changes), hints, tables, tmp_path)
        assert watched.built == 2
        assert not watched.in_memory()

    def test_a_fold_that_answered_is_let_go_before_the_next(
        self, trained, settings, hints, tables, watched
    ):
        weights, _, report = trained
        predict_folds(weights, report, hints, settings(), tables)
        assert watched.built == 2
        assert not watched.in_memory()
