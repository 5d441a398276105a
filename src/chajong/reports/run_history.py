"""How every member and the ensemble scored, run after run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from chajong.charts import FONTS
from chajong.ensembling.leaderboard import ENSEMBLE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

FIGURES = ("log_loss", "accuracy", "calibration_error", "seconds")
VERSION_FORMAT = "%Y-%m-%dT%H.%M.%S.%fZ"
"""How a version names the time of its run, in UTC."""


def run_history(history: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> pd.DataFrame:
    """Set the figures of all stored runs one below another.

    Args:
        history: For each member, and the ensemble, its figures by version.

    Returns:
        One row a version and name, the oldest first: `version`; `time`, when that run started, in
        UTC, missing where the version is no time; `experiment`, what the run was called, which the
        ensemble's figures say, empty for a run without an ensemble; `name`; `contract`, which
        tells figures of other photos, folds or labels apart, empty where a run did not note it;
        and `log_loss`, `accuracy`, `calibration_error` and `seconds` as floats, NaN where a run
        did not note them.
    """
    experiments = {
        version: figures.get("experiment", "")
        for version, figures in history.get(ENSEMBLE, {}).items()
    }
    rows = [
        {
            "version": version,
            "experiment": experiments.get(version, ""),
            "name": name,
            "contract": figures.get("contract", ""),
            **{key: figures.get(key) for key in FIGURES},
        }
        for name, versions in history.items()
        for version, figures in versions.items()
    ]
    table = pd.DataFrame(rows, columns=["version", "experiment", "name", "contract", *FIGURES])
    table = table.astype(dict.fromkeys(FIGURES, float))
    times = pd.to_datetime(table["version"], format=VERSION_FORMAT, utc=True, errors="coerce")
    table.insert(1, "time", times)
    return table.sort_values(["version", "name"], ignore_index=True)


def run_history_chart(table: pd.DataFrame) -> Figure:
    """Draw log loss over runs, a line for each member.

    Args:
        table: What `run_history` returns.

    Returns:
        Lines with a point a run, broken where figures are of other photos, folds or labels; the
        ensemble's is the thick one and comes first.
    """
    from plotly.graph_objects import Figure

    scored = table.dropna(subset=["time", "log_loss"])
    names = sorted(scored["name"].unique(), key=lambda name: (name != ENSEMBLE, name))
    figure = Figure([_line(name, scored[scored["name"] == name]) for name in names])
    figure.update_xaxes(title_text="run started (UTC)")
    figure.update_yaxes(title_text="log loss (lower is better)")
    figure.update_layout(
        title="Out-of-fold log loss over runs (broken where photos, folds or labels changed)",
        font_family=FONTS,
        template="plotly_white",
        showlegend=True,
    )
    return figure


def _line(name: str, rows: pd.DataFrame) -> Scatter:
    from plotly.graph_objects import Scatter

    rows = _broken(rows)
    return Scatter(
        x=rows["time"],
        y=rows["log_loss"],
        name=name,
        mode="lines+markers",
        line_width=4 if name == ENSEMBLE else 1.5,
        customdata=rows[["accuracy", "calibration_error", "seconds", "experiment"]],
        hovertemplate=(
            f"{name}: %{{y:.4f}}<br>%{{x|%Y-%m-%d %H:%M:%S}} %{{customdata[3]}}"
            "<br>accuracy %{customdata[0]:.1%}"
            "<br>calibration error %{customdata[1]:.3f}<br>%{customdata[2]:.1f} s<extra></extra>"
        ),
    )


def _broken(rows: pd.DataFrame) -> pd.DataFrame:
    """Put an empty row, which lines do not cross, before a run whose figures cannot be compared."""
    changed = rows["contract"].ne(rows["contract"].shift()).cumsum().to_numpy()
    parts = [rows[changed == number] for number in range(1, changed.max(initial=0) + 1)]
    broken = [part.reindex([*part.index, -1]) for part in parts]
    joined: pd.DataFrame = pd.concat(broken).iloc[:-1]
    return joined
