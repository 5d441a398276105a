import numpy as np

from chajong.ensembling.specialists.directions import fit_directions


def features(photos=50, width=20):
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(5, width))
    values = generator.normal(size=(photos, 5)) @ mixing * 10 + 100
    return (values + 0.1 * generator.normal(size=(photos, width))).astype(np.float32)


def test_inputs_have_mean_zero_and_unit_covariance():
    rows = features()
    inputs = fit_directions(rows, 4).inputs(rows)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(inputs.T), np.eye(4), atol=1e-2)


def test_the_unit_of_a_column_does_not_count():
    rows = features()
    units = np.geomspace(0.01, 100, rows.shape[1]).astype(np.float32)
    one = fit_directions(rows, 4).inputs(rows)
    other = fit_directions(rows * units, 4).inputs(rows * units)
    np.testing.assert_allclose(np.abs(one), np.abs(other), atol=1e-2)


def test_nothing_that_does_not_vary_becomes_an_input():
    rows = np.column_stack([features(width=3), np.full(50, 7.0)]).astype(np.float32)
    rows = np.column_stack([rows, rows])
    found = fit_directions(rows, 64)
    assert found.projection.shape == (8, 3)
    assert np.isfinite(found.inputs(rows)).all()


def test_there_are_never_more_directions_than_photos_allow():
    assert fit_directions(features(photos=6), 64).projection.shape[1] <= 5
