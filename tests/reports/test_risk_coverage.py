import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.reports.binomial import highest_share
from chajong.reports.risk_coverage import (
    area_under_risk_coverage,
    risk_coverage_chart,
    risk_coverage_table,
    suggest_abstention,
)


def test_rows_agree_with_leaving_photos_out_one_by_one(make_scored):
    scored = make_scored(50)
    for row in risk_coverage_table(scored).itertuples():
        kept = scored.confidences >= row.confidence
        assert row.photos == kept.sum()
        assert row.coverage == pytest.approx(kept.mean())
        assert row.error_rate == pytest.approx(1 - scored.right[kept].mean())
        assert row.log_loss == pytest.approx(scored.losses[kept].mean())


@pytest.mark.parametrize("photos", [1, 7, 1000])
def test_risk_at_full_coverage_is_the_error_rate(make_scored, photos):
    scored = make_scored(photos)
    last = risk_coverage_table(scored).iloc[-1]
    assert last["coverage"] == 1
    assert last["error_rate"] == pytest.approx(1 - scored.right.mean())
    assert last["log_loss"] == pytest.approx(scored.losses.mean())


def test_many_photos_are_a_few_points(make_scored):
    assert len(risk_coverage_table(make_scored(1000))) <= 200


def test_area_agrees_with_the_mean_over_all_coverages(make_scored):
    scored = make_scored(40)
    order = np.argsort(-scored.confidences)
    rates = [1 - scored.right[order[:kept]].mean() for kept in range(1, 41)]
    assert area_under_risk_coverage(scored) == pytest.approx(np.mean(rates))


def test_area_of_one_confidence_does_not_depend_on_the_order(answer):
    wrong_first = answer([[0.6, 0.4]] * 4, [1, 1, 0, 0])
    wrong_last = answer([[0.6, 0.4]] * 4, [0, 0, 1, 1])
    assert area_under_risk_coverage(wrong_first) == pytest.approx(0.5)
    assert area_under_risk_coverage(wrong_last) == pytest.approx(0.5)


class TestAbstention:
    def test_the_bound_keeps_the_wanted_risk(self, make_scored):
        scored = make_scored(2000, lean=3)
        suggestion = suggest_abstention(scored, 0.1)
        kept = scored.confidences >= suggestion.confidence
        assert suggestion.photos == kept.sum()
        assert suggestion.error_rate == pytest.approx(1 - scored.right[kept].mean())
        assert suggestion.error_rate < suggestion.error_bound <= 0.1

    def test_the_bound_is_no_milder_than_a_single_look(self, make_scored):
        scored = make_scored(2000, lean=3)
        found = suggest_abstention(scored, 0.1)
        wrong = round(found.error_rate * found.photos)
        assert found.error_bound >= highest_share(np.array(wrong), np.array(found.photos), 0.05)

    def test_a_larger_risk_keeps_more_photos(self, make_scored):
        scored = make_scored(2000, lean=3)
        strict, loose = (suggest_abstention(scored, risk) for risk in (0.05, 0.2))
        assert loose.photos > strict.photos
        assert loose.confidence < strict.confidence

    def test_too_few_photos_promise_nothing(self, make_scored):
        assert suggest_abstention(make_scored(10, lean=9), 0.01) is None

    @given(st.integers(1, 400), st.sampled_from([0.02, 0.1, 0.4]), st.integers(0, 5))
    def test_never_promises_more_than_was_seen(self, make_scored_once, photos, risk, seed):
        found = suggest_abstention(make_scored_once(photos, seed=seed), risk)
        assert found is None or found.error_rate <= found.error_bound <= risk


@pytest.fixture(scope="module")
def make_scored_once():
    """The maker of answers without a fixture's scope, for properties."""
    from chajong.predictions.contract import normalise_log
    from chajong.reports.scored_photos import ScoredPhotos

    def make(photos, seed):
        generator = np.random.default_rng(seed)
        labels = generator.integers(3, size=photos)
        scores = generator.normal(size=(photos, 3)) + 3 * np.eye(3)[labels]
        ids = np.arange(photos).astype(str).astype(object)
        return ScoredPhotos(ids, ids, labels, normalise_log(scores), ("a", "b", "c"))

    return make


def test_chart_marks_the_suggestion(make_scored):
    scored = make_scored(2000, lean=3)
    suggestion = suggest_abstention(scored, 0.1)
    figure = risk_coverage_chart(risk_coverage_table(scored), 0.1, suggestion)
    assert {shape.x0 for shape in figure.layout.shapes} == {suggestion.coverage}
    assert not risk_coverage_chart(risk_coverage_table(scored), 0.1).layout.shapes
