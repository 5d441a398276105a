import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from chajong.ensembling.leaderboard import OTHERS, leaderboard_chart
from chajong.ensembling.leaderboard import leaderboard as leaderboard_of
from chajong.predictions.intervals import mean_interval

PHOTOS = [f"쏘나타/{number}.jpg" for number in range(12)]
GROUPS = pd.Series(np.arange(12) // 2, index=PHOTOS[::-1])

FIGURES = {
    "log_loss": 0.4,
    "accuracy": 0.9,
    "top_5_accuracy": 0.99,
    "calibration_error": 0.02,
    "seconds": 12.0,
    "training_seconds": 10.0,
    "prediction_seconds": 2.0,
    "photos_per_second": 80.0,
    "peak_memory_mb": 900.0,
    "photos": 1000,
}


INTERVALS = ["log_loss_low", "log_loss_high", "gain_of_ensemble", "gain_low", "gain_high"]

leaderboard = partial(leaderboard_of, losses={}, groups=GROUPS)


def made_losses(seed: int, photos: list[str] = PHOTOS) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).exponential(size=len(photos)), index=photos)


def interval_of(values: pd.Series) -> tuple[float, float]:
    return mean_interval(values.to_numpy(), np.array([GROUPS[photo] for photo in values.index]))


@pytest.fixture
def metrics() -> dict[str, dict]:
    return {
        "hog": FIGURES | {"log_loss": 1.2, "accuracy": 0.6, "status": "pooled"},
        "외부_멤버": {"status": "skipped: lacks fold 3"},
        "clip": FIGURES | {"status": "pooled", "approach": "CLIP"},
    }


class TestTable:
    def test_lowest_log_loss_first_and_unscored_last(self, metrics: dict[str, dict]):
        assert list(leaderboard(metrics)["member"]) == ["clip", "hog", "외부_멤버"]

    def test_columns(self, metrics: dict[str, dict]):
        first, *others = FIGURES
        wanted = ["member", "approach", first, *INTERVALS, *others, "status"]
        assert list(leaderboard(metrics).columns) == wanted

    def test_who_has_no_approach_is_a_table_of_others(self, metrics: dict[str, dict]):
        approaches = leaderboard(metrics).set_index("member")["approach"]
        assert (approaches["clip"], approaches["외부_멤버"]) == ("CLIP", OTHERS)

    def test_figures_stay_with_their_member(self, metrics: dict[str, dict]):
        row = leaderboard(metrics).set_index("member").loc["hog"]
        assert (row["log_loss"], row["accuracy"], row["status"]) == (1.2, 0.6, "pooled")

    def test_missing_figures_are_nan(self, metrics: dict[str, dict]):
        row = leaderboard(metrics).set_index("member").loc["외부_멤버"]
        assert math.isnan(row["seconds"])
        assert row["status"] == "skipped: lacks fold 3"

    def test_no_member(self):
        assert leaderboard({}).empty


class TestIntervals:
    @pytest.fixture
    def table(self) -> pd.DataFrame:
        losses = {"hog": made_losses(0, PHOTOS[:10]), "ensemble": made_losses(1, PHOTOS[::-1])}
        metrics = {member: {"log_loss": float(values.mean())} for member, values in losses.items()}
        metrics["external"] = {"log_loss": 9.0, "gain_low": 7.0}
        return leaderboard_of(metrics, losses, GROUPS).set_index("member")

    def test_the_log_loss_has_the_interval_of_its_mean(self, table: pd.DataFrame):
        found = table.loc["hog", ["log_loss_low", "log_loss_high"]].tolist()
        assert found == pytest.approx(interval_of(made_losses(0, PHOTOS[:10])))

    def test_the_gain_is_over_pairs_of_the_photos_that_both_have(self, table: pd.DataFrame):
        ensemble = made_losses(1, PHOTOS[::-1])
        own = made_losses(0, PHOTOS[:10])
        gains = pd.Series({photo: own[photo] - ensemble[photo] for photo in PHOTOS[:10]})
        found = table.loc["hog", ["gain_of_ensemble", "gain_low", "gain_high"]].tolist()
        assert found == pytest.approx([gains.mean(), *interval_of(gains)])

    def test_the_ensemble_is_not_compared_with_itself(self, table: pd.DataFrame):
        row = table.loc["ensemble"]
        assert row["log_loss_low"] < row["log_loss"] < row["log_loss_high"]
        assert row[["gain_of_ensemble", "gain_low", "gain_high"]].isna().all()

    def test_a_member_without_losses_has_none(self, table: pd.DataFrame):
        assert table.loc["external", INTERVALS].isna().all()

    def test_without_an_ensemble_there_is_no_gain(self):
        losses = {"hog": made_losses(0)}
        row = leaderboard_of({"hog": {"log_loss": 1.0}}, losses, GROUPS).iloc[0]
        assert row[INTERVALS].isna().tolist() == [False, False, True, True, True]

    def test_error_bars_end_where_the_interval_ends(self, table: pd.DataFrame):
        losses, accuracies = leaderboard_chart(table.reset_index()).data
        bars = dict(zip(losses.y, losses.x + losses.error_x.array, strict=True))
        starts = dict(zip(losses.y, losses.x - losses.error_x.arrayminus, strict=True))
        assert bars["hog"] == pytest.approx(table.loc["hog", "log_loss_high"])
        assert starts["hog"] == pytest.approx(table.loc["hog", "log_loss_low"])
        assert accuracies.error_x.array is None


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
