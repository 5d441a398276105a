import numpy as np
import pytest

from chajong.reports.none_of_the_known import (
    none_of_the_known,
    relative_entropy,
    score_chart,
    unknown_photos,
)


def test_scores_of_a_sure_and_of_an_even_answer():
    rows = np.log(np.array([[1 - 3e-9, 1e-9, 1e-9, 1e-9], [0.25] * 4], dtype=np.float32))
    np.testing.assert_allclose(none_of_the_known(rows), [0, 0.75], atol=1e-6)
    np.testing.assert_allclose(relative_entropy(rows), [0, 1], atol=1e-6)


def test_the_least_confident_test_photos_come_first(make_scored, as_predictions, as_photos):
    scored = make_scored(20)
    table = unknown_photos(as_predictions(scored, 20), as_photos(scored, 20), limit=5)
    expected = np.argsort(scored.confidences)[:5]
    assert list(table["photo_id"]) == [f"TEST_{number:05d}" for number in expected]
    assert list(table["sha256"]) == [f"sha{number % 5}" for number in expected]
    np.testing.assert_allclose(table["guess_probability"], scored.confidences[expected])


def test_chart_shares_sum_to_one():
    figure = score_chart(np.array([0, 0.2, 1.0]), np.array([0.5, 0.99]))
    for bars in figure.data:
        assert sum(bars.y) == pytest.approx(1)
