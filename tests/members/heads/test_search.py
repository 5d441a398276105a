from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

from chajong.members.heads import search as module
from chajong.members.heads.fitted import LinearHead
from chajong.members.heads.parameters import HeadName, HeadsParameters
from chajong.members.heads.search import HeadSearch, search_heads
from chajong.members.heads.whitening import Whitening
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import accuracy, log_loss
from chajong.predictions.mixture import fit_mixture

KINDS = get_args(HeadName)
CLASSES = 4


@dataclass(frozen=True)
class Problem:
    """Photos of three folds and a calibration slice; some labels do not count."""

    features: torch.Tensor
    labels: torch.Tensor
    folds: np.ndarray
    label_counts: np.ndarray

    def with_label(self, photos: np.ndarray | int) -> "Problem":
        """Give some photos another label."""
        labels = self.labels.clone()
        labels[photos] = (labels[photos] + 1) % CLASSES
        return replace(self, labels=labels)

    def search(self, parameters: HeadsParameters) -> HeadSearch:
        return search_heads(
            self.features,
            self.labels,
            self.folds,
            self.label_counts,
            CLASSES,
            torch.eye(CLASSES),
            parameters,
            torch.device("cpu"),
        )


@pytest.fixture
def problem(cloud) -> Problem:
    features, labels = cloud(photos=84, dimensions=5, classes=CLASSES)
    generator = np.random.default_rng(0)
    folds = generator.permutation(np.resize([0, 1, 2, 0, 1, 2, -1], len(labels)))
    return Problem(features, labels, folds, generator.random(len(labels)) > 0.1)


def few(*kinds: str, **changes: object) -> HeadsParameters:
    """Give few settings of some heads, of all where none is named."""
    settings: dict[str, object] = {
        "kinds": kinds or KINDS,
        "scales": (8.0,),
        "pulls": (1e-2, 1e-3),
        "shrinkages": (0.2, 1.0),
        "neighbours": (3, 9),
        "name_weights": (0.0, 0.3),
    }
    return HeadsParameters(**(settings | changes))


def one(*kinds: str) -> HeadsParameters:
    """Give one setting of each kind."""
    return few(
        *kinds,
        pulls=(1e-2,),
        shrinkages=(0.3,),
        neighbours=(7,),
        name_weights=(0.2,),
    )


def centred(log_probabilities: np.ndarray) -> np.ndarray:
    return log_probabilities - log_probabilities.mean(1, keepdims=True)


def assert_same(one: HeadSearch, other: HeadSearch) -> None:
    np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)
    pd.testing.assert_frame_equal(
        one.candidates.drop(columns="seconds"), other.candidates.drop(columns="seconds")
    )
    for first, second in zip(one.fold_models, other.fold_models, strict=True):
        assert first.mixture == second.mixture
        torch.testing.assert_close(first.tensors(), second.tensors(), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_works_alone_and_learns(problem, kind):
    found = problem.search(one(kind))
    scored = (problem.folds >= 0) & problem.label_counts
    labels = problem.labels.numpy()
    assert log_loss(found.out_of_fold[scored], labels[scored]) < 0.8 * np.log(CLASSES)
    assert found.candidates["head"].tolist() == [found.head]
    assert found.candidates["chosen_in_folds"].tolist() == [3]


def test_a_search_is_deterministic(problem):
    assert_same(problem.search(few()), problem.search(few()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_that_predicts_a_photo_never_saw_its_label(problem, kind):
    photo = int(np.flatnonzero((problem.folds == 1) & problem.label_counts)[0])
    before, after = (p.search(one(kind)) for p in (problem, problem.with_label(photo)))
    torch.testing.assert_close(
        before.fold_models[1].tensors(), after.fold_models[1].tensors(), rtol=0, atol=0
    )
    in_fold = problem.folds == 1
    ratio = centred(after.out_of_fold[in_fold]) / centred(before.out_of_fold[in_fold])
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=2e-3)  # one temperature for all
    changed = np.abs(before.out_of_fold - after.out_of_fold).max(1) > 1e-4
    assert changed[(problem.folds >= 0) & ~in_fold].any()


def fixed_heads(*given):
    """Stand in for a fit: heads that no label changes."""
    generator = torch.Generator().manual_seed(len(given))
    return [
        LinearHead(torch.randn(CLASSES, 5, generator=generator), torch.zeros(CLASSES))
        for _ in range(4)
    ]


@pytest.mark.parametrize("kinds", [("prototypes",), ("prototypes", "logistic_regression")])
def test_choice_and_weights_of_a_fold_do_not_look_at_its_labels(problem, monkeypatch, kinds):
    """The weights of a pool follow the rule of one head's temperature."""
    for kind in kinds:
        monkeypatch.setattr(module, f"fit_{kind}", fixed_heads)
    monkeypatch.setattr(Whitening, "__call__", lambda whitening, features: features)
    parameters = few(*kinds, shrinkages=(0.1, 0.2, 0.3, 0.5), pulls=(1.0, 0.1, 0.01, 1e-3))
    before = problem.search(parameters)
    assert len(before.fold_models[0].heads) == len(kinds)
    for fold in range(3):
        in_fold = problem.folds == fold
        after = problem.with_label(in_fold).search(parameters)
        np.testing.assert_array_equal(after.out_of_fold[in_fold], before.out_of_fold[in_fold])
        assert not np.array_equal(after.out_of_fold, before.out_of_fold)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_do_not_count_change_nothing(problem, kind):
    changed = problem.with_label(~problem.label_counts)
    assert_same(problem.search(few(kind)), changed.search(few(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_the_calibration_slice_change_nothing(problem, kind):
    changed = problem.with_label(problem.folds == -1)
    assert_same(problem.search(few(kind)), changed.search(few(kind)))


def test_photos_of_the_calibration_slice_change_nothing(problem):
    features = problem.features.clone()
    features[problem.folds == -1] += 3.0
    assert_same(problem.search(few()), replace(problem, features=features).search(few()))


def test_photos_whose_label_does_not_count_are_predicted(problem):
    found = problem.search(few())
    uniform = np.isclose(found.out_of_fold, -np.log(CLASSES)).all(1)
    np.testing.assert_array_equal(uniform, problem.folds == -1)


def raw_scores(problem: Problem, found: HeadSearch) -> np.ndarray:
    """Score every photo by the model of its fold, before the temperature."""
    scores = np.zeros((len(problem.folds), CLASSES), np.float32)
    for fold, model in enumerate(found.fold_models):
        rows = problem.folds == fold
        (scored,) = model.scores(problem.features[rows])
        scores[rows] = scored.numpy()
    return scores


def test_choice_and_temperature_are_cross_fitted_as_by_a_loop(problem):
    wrong = np.random.default_rng(1).random(len(problem.folds)) < 0.5
    hard = problem.with_label(np.flatnonzero(wrong))
    shrinkages = (0.01, 0.1, 0.3, 0.6, 1.0)
    scores = {
        f"prototypes, shrinkage {value:g}": raw_scores(
            hard, hard.search(few("prototypes", shrinkages=(value,)))
        )
        for value in shrinkages
    }
    found = hard.search(few("prototypes", shrinkages=shrinkages))
    labels, chosen = hard.labels.numpy(), []

    def best(rows):
        def loss(head):
            temperature = fit_temperature(scores[head][rows], labels[rows])
            return log_loss(normalise_log(scores[head][rows] / temperature), labels[rows])

        head = min(scores, key=loss)
        return head, fit_temperature(scores[head][rows], labels[rows])

    for fold in range(3):
        head, temperature = best((hard.folds >= 0) & (hard.folds != fold) & hard.label_counts)
        rows = hard.folds == fold
        expected = normalise_log(scores[head][rows] / temperature)
        np.testing.assert_allclose(found.out_of_fold[rows], expected, atol=1e-4)
        chosen.append(head)
    head, temperature = best((hard.folds >= 0) & hard.label_counts)
    assert found.head == head
    assert found.fold_models[0].mixture.temperature == pytest.approx(temperature, rel=1e-4)
    assert len(set(chosen)) > 1  # otherwise the loop would prove little
    in_folds = found.candidates.set_index("head")["chosen_in_folds"]
    assert in_folds.to_dict() == {name: chosen.count(name) for name in scores}


def test_the_candidates_hold_every_head_and_the_weights_of_the_pooled(problem):
    found = problem.search(few())
    table = found.candidates
    assert sorted(table["head"]) == sorted(
        [
            "logistic regression, scale 8, pull 0.01",
            "logistic regression, scale 8, pull 0.001",
            "prototypes, shrinkage 0.2",
            "prototypes, shrinkage 1",
            "3 nearest neighbours",
            "9 nearest neighbours",
            "prototypes and names, weight 0",
            "prototypes and names, weight 0.3",
        ]
    )
    assert table["log_loss"].is_monotonic_increasing
    pooled = table["weight"] > 0
    assert pooled.iloc[0]
    assert " + ".join(table.loc[pooled, "head"]) == found.head
    assert table["chosen_in_folds"].max() <= 3
    assert (table["seconds"] > 0).all()


def test_the_best_setting_of_each_kind_is_pooled_by_weights_of_the_other_folds(problem):
    kinds = ("name_aware", "neighbours")
    scores = [raw_scores(problem, problem.search(one(kind))) for kind in kinds]
    found, labels = problem.search(one(*kinds)), problem.labels.numpy()
    counted = (problem.folds >= 0) & problem.label_counts
    for fold, model in enumerate(found.fold_models):
        others, rows = counted & (problem.folds != fold), problem.folds == fold
        mixture = fit_mixture([part[others] for part in scores], labels[others])
        np.testing.assert_allclose(
            found.out_of_fold[rows],
            mixture.log_probabilities([part[rows] for part in scores]),
            atol=1e-3,
        )
        final = fit_mixture([part[counted] for part in scores], labels[counted])
        np.testing.assert_allclose(
            model.log_probabilities(problem.features[rows]),
            final.log_probabilities([part[rows] for part in scores]),
            atol=1e-3,
        )
    assert sorted(found.head.split(" + ")) == [
        "7 nearest neighbours",
        "prototypes and names, weight 0.2",
    ]


def test_a_pool_is_no_worse_than_its_best_head_on_what_it_was_fitted_on(problem):
    found, labels = problem.search(few()), problem.labels.numpy()
    counted = (problem.folds >= 0) & problem.label_counts
    pooled = np.zeros((len(problem.folds), CLASSES), np.float32)
    for fold, model in enumerate(found.fold_models):
        rows = problem.folds == fold
        pooled[rows] = model.log_probabilities(problem.features[rows])
    assert log_loss(pooled[counted], labels[counted]) <= found.candidates["log_loss"].min() + 1e-6


def test_weights_of_many_photos_are_fitted_on_evenly_spread_ones(problem, monkeypatch):
    every = problem.search(one("neighbours"))
    monkeypatch.setattr(module, "PHOTOS_TO_WEIGH", 20)
    counted = np.flatnonzero((problem.folds >= 0) & problem.label_counts)
    spread = counted[:: -(-len(counted) // 20)]
    assert 10 < len(spread) <= 20
    (found,) = {
        model.mixture.temperature for model in problem.search(one("neighbours")).fold_models
    }
    scores, labels = raw_scores(problem, every), problem.labels.numpy()
    assert found == pytest.approx(fit_temperature(scores[spread], labels[spread]), rel=1e-3)
    assert found != every.fold_models[0].mixture.temperature


def test_a_kind_that_adds_nothing_is_left_out(problem):
    found = problem.search(one("prototypes", "neighbours"))
    assert found.head == "prototypes, shrinkage 0.3"
    weights = found.candidates.set_index("head")["weight"]
    assert weights["7 nearest neighbours"] == 0
    assert list(found.fold_models[0].heads) == ["prototypes"]


@pytest.mark.parametrize("kind", KINDS)
def test_fold_models_score_as_out_of_fold(problem, kind):
    found = problem.search(one(kind))
    scores = raw_scores(problem, found)
    labels = problem.labels.numpy()
    counted = (problem.folds >= 0) & problem.label_counts
    for fold, model in enumerate(found.fold_models):
        rows = problem.folds == fold
        temperature = fit_temperature(scores[counted & ~rows], labels[counted & ~rows])
        np.testing.assert_allclose(
            found.out_of_fold[rows], normalise_log(scores[rows] / temperature), atol=1e-4
        )
        np.testing.assert_allclose(
            model.log_probabilities(problem.features[rows]),
            normalise_log(scores[rows] / model.mixture.temperature),
            atol=1e-5,
        )
    (row,) = found.candidates.to_dict("records")
    final = normalise_log(scores[counted] / found.fold_models[0].mixture.temperature)
    assert row["log_loss"] == pytest.approx(log_loss(final, labels[counted]), abs=1e-5)
    assert row["accuracy"] == accuracy(final, labels[counted])


def test_a_class_whose_photos_are_all_in_one_fold_is_predicted_without_error(problem):
    labels = torch.where(problem.labels == 3, 2, problem.labels)
    labels[torch.from_numpy(problem.folds == 0)] = 3
    found = replace(problem, labels=labels).search(few())
    assert np.isfinite(found.out_of_fold).all()
