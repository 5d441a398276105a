from dataclasses import replace

import numpy as np
import pytest

from chajong.ensembling.pools.choice import CANDIDATES, PoolingProblem, choose_pool, cross_fit_pool
from chajong.ensembling.pools.fitting import fit_pool


def obvious_losses(problem: PoolingProblem, rows: np.ndarray) -> dict[str, float]:
    """Every candidate's log loss on each part of some photos, fitted on the others."""
    losses = {}
    for name, (method, tempered) in CANDIDATES.items():
        found, weights = [], []
        for part in np.unique(problem.parts[rows]):
            used = np.flatnonzero(rows & problem.counts & (problem.parts != part))
            scored = np.flatnonzero(rows & problem.counts & (problem.parts == part))
            pool = fit_pool(
                method,
                problem.members,
                used,
                problem.labels[used],
                problem.photo_weights[used],
                with_temperature=tempered,
            )
            pooled = pool.log_probabilities([member[scored] for member in problem.members])
            found += [
                -row[label] for row, label in zip(pooled, problem.labels[scored], strict=True)
            ]
            weights += list(problem.photo_weights[scored])
        losses[name] = np.average(found, weights=weights)
    return losses


def pooled(problem: PoolingProblem) -> np.ndarray:
    fitted = cross_fit_pool(problem)
    return fitted.apply(
        lambda chosen, rows: chosen.pool.log_probabilities(
            [member[rows] for member in problem.members]
        )
    )


def test_the_choice_has_the_lowest_cross_fitted_loss(make_problem):
    problem = make_problem(parts=3)
    problem = replace(problem, photo_weights=1.0 + np.arange(200) % 4)
    rows = np.ones(200, bool)
    chosen = choose_pool(problem, rows)
    expected = obvious_losses(problem, rows)
    assert chosen.losses == pytest.approx(expected, abs=1e-5)
    assert chosen.pool.method == CANDIDATES[min(expected, key=expected.get)][0]


def test_a_parts_choice_is_made_on_the_other_parts(make_problem):
    problem = make_problem(photos=240, parts=4)
    fitted = cross_fit_pool(problem)
    for part, chosen in fitted.by_part.items():
        others = problem.parts != part
        assert chosen.losses == pytest.approx(obvious_losses(problem, others), abs=1e-5)
        used = np.flatnonzero(others & problem.counts)
        assert chosen.pool == fit_pool(
            chosen.pool.method,
            problem.members,
            used,
            problem.labels[used],
            problem.photo_weights[used],
            with_temperature=chosen.pool.temperature != 1,
        )


@pytest.mark.parametrize("parts", [2, 3])
def test_a_parts_labels_do_not_touch_its_own_rows(make_problem, parts: int):
    problem = make_problem(parts=parts)
    before = pooled(problem)
    for part in range(parts):
        own = problem.parts == part
        spoiled = np.where(own, (problem.labels + 1) % 5, problem.labels)
        after = pooled(replace(problem, labels=spoiled, _fits={}))
        np.testing.assert_array_equal(after[own], before[own])
        assert not np.array_equal(after[~own], before[~own])


def test_labels_that_do_not_count_are_never_read(make_problem):
    problem = make_problem()
    spoiled = np.where(problem.counts, problem.labels, 0)
    np.testing.assert_array_equal(
        pooled(replace(problem, labels=spoiled, _fits={})), pooled(problem)
    )


def test_five_parts_need_sixteen_fits_a_candidate(make_problem, monkeypatch):
    from chajong.ensembling.pools import choice

    calls = []

    def counting(method, *arguments, with_temperature):
        calls.append((method, with_temperature))
        return fit_pool(method, *arguments, with_temperature=with_temperature)

    monkeypatch.setattr(choice, "fit_pool", counting)
    cross_fit_pool(make_problem(parts=5))
    # Ten without two parts, five without one, one on all; the last only of what was chosen.
    for candidate in CANDIDATES.values():
        assert 15 <= calls.count(candidate) <= 16


def test_two_parts_choose_on_halves_of_the_other_by_group(make_problem):
    problem = make_problem(parts=2)
    problem = replace(problem, groups=np.arange(200) // 10, _fits={})
    chosen = choose_pool(problem, problem.parts == 0)
    assert set(chosen.losses) == set(CANDIDATES)


def test_equal_losses_take_the_simplest(make_problem):
    problem = make_problem(members=1)
    chosen = choose_pool(problem, np.ones(200, bool))
    untempered = [chosen.losses[name] for name in ("best", "uniform", "greedy", "convex")]
    assert max(untempered) - min(untempered) < 1e-6
    assert chosen.pool.method == "best"


def test_many_classes_and_known_truth(make_members):
    """The choice on 2,500 photos is within 2 % of the best candidate on 4,000 fresh ones."""
    members, labels = make_members(6_500, 150, 5, seed=3)
    train, fresh = np.arange(2_500), np.arange(2_500, 6_500)
    problem = PoolingProblem(
        members=[member[train] for member in members],
        labels=labels[train],
        counts=np.ones(2_500, bool),
        groups=train,
        parts=train % 5,
        photo_weights=np.ones(2_500),
    )
    chosen = choose_pool(problem, np.ones(2_500, bool))

    def test_loss(pool):
        scored = pool.log_probabilities(members, fresh)
        return -scored[np.arange(len(fresh)), labels[fresh]].mean()

    every = np.ones(2_500, bool)
    lowest = min(test_loss(problem.fit(each, every)) for each in CANDIDATES.values())
    assert test_loss(chosen.pool) <= 1.02 * lowest
