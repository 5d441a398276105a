import math

import pytest

from chajong.probabilities.leaderboard import leaderboard, leaderboard_chart

FIGURES = {
    "log_loss": 0.4,
    "accuracy": 0.9,
    "top_5_accuracy": 0.99,
    "calibration_error": 0.02,
    "seconds": 12.0,
    "photos_per_second": 80.0,
    "peak_memory_mb": 900.0,
    "photos": 1000,
}


@pytest.fixture
def metrics() -> dict[str, dict]:
    return {
        "hog": FIGURES | {"log_loss": 1.2, "accuracy": 0.6, "status": "pooled"},
        "외부_멤버": {"status": "skipped: lacks fold 3"},
        "clip": FIGURES | {"status": "pooled"},
    }


class TestTable:
    def test_lowest_log_loss_first_and_unscored_last(self, metrics: dict[str, dict]):
        assert list(leaderboard(metrics)["member"]) == ["clip", "hog", "외부_멤버"]

    def test_columns(self, metrics: dict[str, dict]):
        assert list(leaderboard(metrics).columns) == ["member", *FIGURES, "status"]

    def test_figures_stay_with_their_member(self, metrics: dict[str, dict]):
        row = leaderboard(metrics).set_index("member").loc["hog"]
        assert (row["log_loss"], row["accuracy"], row["status"]) == (1.2, 0.6, "pooled")

    def test_missing_figures_are_nan(self, metrics: dict[str, dict]):
        row = leaderboard(metrics).set_index("member").loc["외부_멤버"]
        assert math.isnan(row["seconds"])
        assert row["status"] == "skipped: lacks fold 3"

    def test_no_member(self):
        assert leaderboard({}).empty


class TestChart:
    def test_bars_show_scored_members_best_at_the_top(self, metrics: dict[str, dict]):
        figure = leaderboard_chart(leaderboard(metrics))
        losses, accuracies = figure.data
        assert list(losses.y) == list(accuracies.y) == ["clip", "hog"]
        assert list(losses.x) == [0.4, 1.2]
        assert list(accuracies.x) == [0.9, 0.6]
        assert figure.layout.yaxis.autorange == "reversed"

    def test_font_has_hangul(self, metrics: dict[str, dict]):
        assert "Noto Sans KR" in leaderboard_chart(leaderboard(metrics)).layout.font.family

    def test_serialises(self, metrics: dict[str, dict]):
        assert "clip" in leaderboard_chart(leaderboard(metrics)).to_json()
