import numpy as np
import pytest
import scipy.optimize
import torch

from chajong.members.heads.lbfgs import CurvaturePairs, minimise


def counted(function):
    """Return an objective of torch vectors with a list that grows with every evaluation."""
    values = []

    def objective(point):
        with torch.enable_grad():
            leaf = point.detach().clone().requires_grad_()
            value = function(leaf)
            (gradient,) = torch.autograd.grad(value, leaf)
        values.append(value.item())
        return value.item(), gradient

    return objective, values


def scipy_minimum(function, start):
    objective, _ = counted(function)

    def both(point):
        value, gradient = objective(torch.from_numpy(point))
        return value, gradient.numpy()

    return scipy.optimize.minimize(both, start.numpy(), jac=True, method="BFGS")


def double(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rosenbrock(point):
    return 1 + (100 * (point[1:] - point[:-1] ** 2) ** 2 + (1 - point[:-1]) ** 2).sum()


def logistic(point):
    features, signs = double(60, 5, seed=1), double(60, seed=2).sign()
    return torch.nn.functional.softplus(-signs * (features @ point)).mean() + 0.01 * point @ point


def quadratic(point):
    root = double(5, 5, seed=3)
    return 3 + point @ (root @ root.T + 0.1 * torch.eye(5)) @ point / 2 - double(5, seed=4) @ point


@pytest.mark.parametrize("function", [quadratic, logistic, rosenbrock])
def test_the_minimum_is_scipys(function):
    start = double(5, seed=5)
    found = minimise(
        counted(function)[0], start, torch.ones_like(start), CurvaturePairs(), 1e-12, 500
    )
    expected = scipy_minimum(function, start)
    assert found.value == pytest.approx(expected.fun, rel=1e-8)
    np.testing.assert_allclose(found.point, expected.x, atol=1e-4)


def test_the_exact_diagonal_solves_a_separable_quadratic_at_once():
    scales = torch.tensor([1.0, 100.0, 1e4], dtype=torch.float64)
    objective, values = counted(lambda point: 1 + (scales * (point - 1) ** 2).sum() / 2)
    found = minimise(objective, torch.zeros_like(scales), scales, CurvaturePairs(), 1e-9, 50)
    assert found.converged
    assert len(values) == 2
    np.testing.assert_allclose(found.point, np.ones(3), atol=1e-9)


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
def test_the_budget_of_evaluations_is_kept(budget):
    objective, values = counted(rosenbrock)
    start = -torch.ones(6, dtype=torch.float64)
    found = minimise(objective, start, torch.ones_like(start), CurvaturePairs(), 0.0, budget)
    assert len(values) == found.evaluations <= budget
    assert not found.converged
    assert found.value == rosenbrock(found.point).item()
    assert found.value <= values[0]


def test_learnt_curvature_shortens_the_next_problem():
    start, pairs = double(5, seed=5), CurvaturePairs()
    flat = torch.ones_like(start)
    first = minimise(counted(logistic)[0], start, flat, pairs, 1e-9, 200)
    again = minimise(counted(logistic)[0], start, flat, pairs, 1e-9, 200)
    assert again.evaluations < first.evaluations
    assert again.value == pytest.approx(first.value, rel=1e-8)


def test_a_shift_moves_each_change_by_the_known_term():
    hessian = torch.tensor([[3.0, 1.0], [1.0, 2.0]])
    diagonal = torch.tensor([0.5, 4.0])
    pairs, later = CurvaturePairs(), CurvaturePairs()
    for step in torch.tensor([[1.0, 0.0], [1.0, -1.0], [0.5, 2.0]]):
        pairs.add(step, hessian @ step)
        later.add(step, (hessian + torch.diag(diagonal)) @ step)
    pairs.shift(diagonal)
    torch.testing.assert_close(pairs.steps, later.steps)
    torch.testing.assert_close(pairs.changes, later.changes)


def test_a_shift_drops_pairs_along_which_the_curvature_is_no_longer_positive():
    pairs = CurvaturePairs()
    pairs.add(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]))
    pairs.add(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 9.0]))
    pairs.shift(torch.tensor([-2.0, -2.0]))
    torch.testing.assert_close(pairs.steps, [torch.tensor([0.0, 1.0])])
    torch.testing.assert_close(pairs.changes, [torch.tensor([0.0, 7.0])])


def test_only_the_last_pairs_of_positive_curvature_are_kept():
    pairs = CurvaturePairs(limit=2)
    for number in (1.0, 2.0, -1.0, 3.0):
        pairs.add(torch.ones(1), torch.tensor([number]))
    assert [change.item() for change in pairs.changes] == [2.0, 3.0]


def test_a_newton_step_satisfies_the_last_secant_equation():
    pairs = CurvaturePairs()
    for seed in range(4):
        step = double(6, seed=seed)
        pairs.add(step, step * torch.arange(1, 7))
    step = pairs.newton_step(-pairs.changes[-1], torch.full((6,), 2.0, dtype=torch.float64))
    torch.testing.assert_close(step, pairs.steps[-1])
