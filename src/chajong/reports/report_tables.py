"""The report's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chajong.photos.page import page_text
from chajong.reports.class_losses import SHOWN_CLASSES
from chajong.reports.elements import bar_html, interval_text, number_text, table_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from chajong.reports.risk_coverage import Abstention


def steps_html(table: pd.DataFrame) -> str:
    """Lay out `gains_per_step`."""
    return table_html(
        {
            "step": _texts(table["step"]),
            "log loss": _intervals(table, "log_loss", "low", "high"),
            "gain": _intervals(table, "gain", "gain_low", "gain_high"),
        }
    )


def leaderboard_html(table: pd.DataFrame) -> str:
    """Lay out the leaderboard, of `chajong.ensembling.leaderboard`."""
    columns = {
        "member": _texts(table["member"]),
        "log loss": _intervals(table, "log_loss", "log_loss_low", "log_loss_high"),
    }
    columns["the ensemble gains"] = _intervals(table, "gain_of_ensemble", "gain_low", "gain_high")
    numbers = {
        "accuracy": ("accuracy", ".1%"),
        "top 5": ("top_5_accuracy", ".1%"),
        "calibration error": ("calibration_error", ".3f"),
        "seconds": ("seconds", ",.0f"),
        "photos/s": ("photos_per_second", ",.0f"),
        "memory (MB)": ("peak_memory_mb", ",.0f"),
        "photos": ("photos", ",.0f"),
    }
    columns |= {name: _numbers(table[column], form) for name, (column, form) in numbers.items()}
    status = [f'<span class="status">{text}</span>' for text in _texts(table["status"])]
    return table_html({**columns, "status": status})


def approaches_html(table: pd.DataFrame) -> str:
    """Lay out `approach_table`."""
    return table_html(
        {
            "approach": _texts(table["approach"]),
            "member": _texts(table["member"]),
            "log loss": _intervals(table, "log_loss", "log_loss_low", "log_loss_high"),
            "accuracy": _numbers(table["accuracy"], ".1%"),
            "seconds": _numbers(table["seconds"], ",.0f"),
            "photos/s": _numbers(table["photos_per_second"], ",.0f"),
            "memory (MB)": _numbers(table["peak_memory_mb"], ",.0f"),
        }
    )


def reliability_html(table: pd.DataFrame) -> str:
    """Lay out the first member of `reliability_table`."""
    rows = table[table["member"] == table["member"].iloc[0]]
    edges = zip(rows["bin_low"], rows["bin_high"], strict=True)
    return table_html(
        {
            "confidence": [f"{low:.0%} to {high:.0%}" for low, high in edges],
            "photos": _numbers(rows["photos"], ",.0f"),
            "mean confidence": _numbers(rows["confidence"], ".1%"),
            "right": _intervals(rows, "accuracy", "accuracy_low", "accuracy_high", ".1%"),
        }
    )


def class_losses_html(table: pd.DataFrame) -> str:
    """Lay out the classes with the largest shares of `class_loss_table`."""
    shown = table.head(SHOWN_CLASSES)
    return table_html(
        {
            "class": _texts(shown["class_name"]),
            "photos": _numbers(shown["photos"], ",.0f"),
            "accuracy": _numbers(shown["accuracy"], ".0%"),
            "log loss": _numbers(shown["log_loss"], ".3f"),
            "share of the loss": [bar_html(share) for share in shown["loss_share"]],
            "down to here": _numbers(shown["cumulative_share"], ".1%"),
        }
    )


def partial_correctness_html(table: pd.DataFrame) -> str:
    """Lay out `partial_correctness`."""
    return table_html(
        {
            "answer": _texts(table["outcome"]),
            "photos": _numbers(table["photos"], ",.0f"),
            "share of all": [bar_html(share) for share in table["share"]],
            "share of wrong": _numbers(table["share_of_wrong"], ".1%"),
            "share of the loss": [bar_html(share) for share in table["loss_share"]],
        }
    )


def pairs_html(table: pd.DataFrame) -> str:
    """Lay out `confused_pairs`."""
    return table_html(
        {
            "class": _texts(table["given"]),
            "taken for": _texts(table["predicted"]),
            "photos": _numbers(table["photos"], ",.0f"),
            "the other way": _numbers(table["photos_back"], ",.0f"),
            "mean probability": _numbers(table["mass"], ".1%"),
            "of the other way": _numbers(table["mass_back"], ".1%"),
        }
    )


def abstentions_html(abstentions: Mapping[float, Abstention | None]) -> str:
    """Lay out suggested thresholds by the wanted risk, with a line for those that have none."""
    reached = {risk: found for risk, found in abstentions.items() if found}
    table = table_html(
        {
            "wanted: wrong answers under": [f"{risk:.0%}" for risk in reached],
            "answer from confidence": [f"<b>{row.confidence:.1%}</b>" for row in reached.values()],
            "photos that keep their answer": [bar_html(row.coverage) for row in reached.values()],
            "of them wrong": [f"{row.error_rate:.1%}" for row in reached.values()],
            "at most (95% certain)": [f"{row.error_bound:.1%}" for row in reached.values()],
        }
    )
    missed = ", ".join(f"{risk:.0%}" for risk, found in abstentions.items() if found is None)
    note = f"<p>No confidence is high enough to promise under {missed} wrong answers.</p>"
    return (table if reached else "") + (note if missed else "")


def skipped_html(skipped: Mapping[str, str]) -> str:
    """List what was left out and why."""
    items = (
        f"<li><b>{page_text(name)}</b>: {page_text(reason)}</li>"
        for name, reason in skipped.items()
    )
    return f"<ul>{''.join(items)}</ul>"


def _texts(values: Iterable[str]) -> list[str]:
    return [page_text(value) for value in values]


def _numbers(values: Iterable[float], form: str) -> list[str]:
    return [number_text(value, form) for value in values]


def _intervals(
    table: pd.DataFrame, value: str, low: str, high: str, form: str = "z.4f"
) -> list[str]:
    rows = zip(table[value], table[low], table[high], strict=True)
    return [interval_text(*row, form) for row in rows]
