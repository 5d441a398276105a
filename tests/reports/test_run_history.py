import math

import pandas as pd
import pytest

from chajong.reports.run_history import run_history, run_history_chart

FIRST, SECOND = "2026-01-01T10.30.00.250Z", "2026-01-02T00.00.00.000Z"
FIGURES = {"log_loss": 0.7, "accuracy": 0.8, "calibration_error": 0.03, "seconds": 12.0}


@pytest.fixture
def table() -> pd.DataFrame:
    return run_history(
        {
            "clip": {SECOND: FIGURES, FIRST: FIGURES | {"log_loss": 0.9}},
            "ensemble": {SECOND: {"log_loss": 0.5, "experiment": "더 큰 모델"}},
            "외부_멤버": {FIRST: {"photos": 3}},
            "old": {"a copy": FIGURES},
        }
    )


def test_oldest_run_first(table: pd.DataFrame):
    rows = list(zip(table["version"], table["name"], strict=True))
    assert rows == [
        (FIRST, "clip"),
        (FIRST, "외부_멤버"),
        (SECOND, "clip"),
        (SECOND, "ensemble"),
        ("a copy", "old"),
    ]


def test_the_time_is_that_of_the_version(table: pd.DataFrame):
    assert table["time"][0] == pd.Timestamp("2026-01-01 10:30:00.250", tz="UTC")
    assert table["time"].isna().tolist() == [False] * 4 + [True]


def test_figures_stay_with_their_run_and_missing_ones_are_nan(table: pd.DataFrame):
    assert list(table.columns) == ["version", "time", "experiment", "name", "contract", *FIGURES]
    assert table.loc[2, list(FIGURES)].tolist() == list(FIGURES.values())
    assert math.isnan(table["seconds"][3])


def test_members_have_the_experiment_of_their_run(table: pd.DataFrame):
    assert table["experiment"].tolist() == ["", "", "더 큰 모델", "더 큰 모델", ""]


def test_no_run():
    assert run_history({}).empty
    assert not run_history_chart(run_history({})).data


def test_a_line_a_member_with_a_log_loss_the_ensemble_first(table: pd.DataFrame):
    ensemble, clip = run_history_chart(table).data
    assert (ensemble.name, list(ensemble.y)) == ("ensemble", [0.5])
    assert (clip.name, list(clip.y)) == ("clip", [0.9, 0.7])
    assert ensemble.line.width > clip.line.width
    assert list(clip.customdata[1]) == [0.8, 0.03, 12.0, "더 큰 모델"]


def test_the_chart_has_hangul_and_serialises(table: pd.DataFrame):
    figure = run_history_chart(table.replace("clip", "외부"))
    assert "Noto Sans KR" in figure.layout.font.family
    assert "clip" not in figure.to_json()


def test_a_line_breaks_where_figures_are_of_other_folds():
    days = [f"2026-01-0{day}T00.00.00.000Z" for day in range(1, 5)]
    runs = zip(
        days, (0.2, 0.3, 0.6, 0.5), ({}, {"contract": "a"}, *[{"contract": "b"}] * 2), strict=True
    )
    history = {day: FIGURES | {"log_loss": loss} | contract for day, loss, contract in runs}
    (line,) = run_history_chart(run_history({"clip": history})).data
    assert [None if math.isnan(loss) else loss for loss in line.y] == [
        *(0.2, None),
        *(0.3, None),
        *(0.6, 0.5),
    ]
