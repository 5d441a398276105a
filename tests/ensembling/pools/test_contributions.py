from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chajong.ensembling.pools.choice import cross_fit_pool
from chajong.ensembling.pools.contributions import member_contributions
from chajong.ensembling.pools.fitting import fit_pool


def cross_fitted_losses(problem, members, method):
    losses = np.full(len(problem.labels), np.nan)
    for part in np.unique(problem.parts):
        used = np.flatnonzero((problem.parts != part) & problem.counts)
        pool = fit_pool(method, members, used, problem.labels[used], problem.photo_weights[used])
        here = np.flatnonzero((problem.parts == part) & problem.counts)
        scored = pool.log_probabilities(members, here)
        losses[here] = -scored[np.arange(len(here)), problem.labels[here]]
    return losses


def test_gain_equals_leaving_the_member_out(make_problem):
    problem = make_problem(photos=300, members=4)
    problem = replace(problem, photo_weights=1.0 + np.arange(300) % 3, _fits={})
    fitted = cross_fit_pool(problem)
    found = member_contributions(problem, fitted, ["hog", "clip", "새", "d"]).set_index("member")
    method, counts = fitted.overall.pool.method, problem.counts
    problem = replace(problem, parts=problem.parts % 2)
    full = cross_fitted_losses(problem, problem.members, method)
    for place, name in enumerate(found.index):
        others = [member for index, member in enumerate(problem.members) if index != place]
        without = cross_fitted_losses(problem, others, method)
        expected = np.average((without - full)[counts], weights=problem.photo_weights[counts])
        assert found.loc[name, "gain"] == pytest.approx(expected, abs=2e-4)
        assert found.loc[name, "low"] <= found.loc[name, "gain"] <= found.loc[name, "high"]
    assert tuple(found["weight"]) == fitted.overall.pool.weights


def test_a_copy_gains_nothing_and_a_good_member_much(make_problem):
    problem = make_problem(photos=300, members=1)
    noise = np.log(np.random.default_rng(0).dirichlet(np.ones(5), 300)).astype(np.float32)
    problem = replace(problem, members=[problem.members[0], noise], _fits={})
    found = member_contributions(problem, cross_fit_pool(problem), ["good", "noise"])
    assert found.loc[0, "low"] > 0.1
    assert abs(found.loc[1, "gain"]) < 0.02


def test_a_single_member_has_no_gain(make_problem):
    problem = make_problem(members=1)
    found = member_contributions(problem, cross_fit_pool(problem), ["hog"])
    expected = pd.DataFrame(
        {"member": ["hog"], "weight": [1.0], "gain": [np.nan], "low": [np.nan], "high": [np.nan]}
    )
    pd.testing.assert_frame_equal(found, expected)
