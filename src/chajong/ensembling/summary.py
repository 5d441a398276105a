"""The last thing a person reads of a run: what was scored, where it is, what was skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NAMED_PHOTOS = 3
"""How many unreadable photos a summary names before it only counts them."""


def summary_text(
    report: dict[str, Any],
    leaderboard: pd.DataFrame,
    photos: pd.DataFrame,
    submission: pd.DataFrame,
    results: Path,
) -> str:
    """Put a run into a few lines.

    Args:
        report: The ensemble's report.
        leaderboard: The table of members.
        photos: The `photos` table.
        submission: The submission as read back, without rows where there are no test photos.
        results: The folder that the results are in.

    Returns:
        Lines of a label and a text.
    """
    lines = [
        ("photos", _photo_counts(photos)),
        ("log loss", _losses(report)),
        ("accuracy", f"{report['accuracy']:.1%}, {report['top_5_accuracy']:.1%} among the top 5"),
        ("members", _members(leaderboard)),
        ("pool", _pool(report["pool"])),
        ("temperature", _temperatures(report)),
        *(("skipped", f"{name}: {why}") for name, why in report["skipped"].items()),
        *(("skipped", text) for text in _unreadable(photos)),
        ("submission", _submission(submission, results)),
        ("reports", f"{results / '08_reporting'} (report.html, doubtful_labels.html, audit.html)"),
    ]
    if len(submission):
        lines.insert(-1, ("top k", str(results / "07_model_output" / "top_k.csv")))
    return "\n".join(f"  {label:12} {text}" for label, text in lines) + "\n"


def _photo_counts(photos: pd.DataFrame) -> str:
    counts = photos["split"].value_counts()
    return f"{counts.get('train', 0):,} train and {counts.get('test', 0):,} test"


def _losses(report: dict[str, Any]) -> str:
    return (
        f"{report['log_loss']:.4f} out of fold on {report['photos']:,} photos (uniform guess "
        f"{report['uniform_log_loss']:.4f}; by the challenge's metric over the submission's "
        f"columns {report['challenge_log_loss']:.4f})"
    )


def _members(leaderboard: pd.DataFrame) -> str:
    scored = leaderboard[leaderboard["member"] != "ensemble"].dropna(subset=["log_loss"])
    rows = zip(scored["member"], scored["log_loss"], strict=True)
    return ", ".join(f"{member} {loss:.4f}" for member, loss in rows)


def _pool(pool: dict[str, Any]) -> str:
    weights = sorted(pool["weights"].items(), key=lambda item: -item[1])
    taken = ", ".join(f"{member} {weight:.2f}" for member, weight in weights if weight > 0)
    return f"{pool['method'].replace('_', '-')}: {taken}"


def _temperatures(report: dict[str, Any]) -> str:
    return (
        f"{report['final_temperature']:.3f} from {report['temperature_source']}, "
        f"{report['out_of_fold_temperature']:.3f} on out-of-fold rows"
    )


def _unreadable(photos: pd.DataFrame) -> list[str]:
    unreadable = photos[photos["status"] != "ok"]
    shown = [
        f"{photo_id} ({reason})"
        for photo_id, reason in zip(unreadable["photo_id"], unreadable["reason"], strict=True)
    ][:NAMED_PHOTOS]
    left = len(unreadable) - len(shown)
    return [*shown, f"and {left:,} more unreadable photos, in audit.csv"] if left else shown


def _submission(submission: pd.DataFrame, results: Path) -> str:
    if submission.empty:
        return "none, because there are no test photos"
    rows, columns = len(submission), submission.shape[1] - 1
    path = results / "07_model_output" / "submission.csv"
    return f"{path} ({rows:,} rows x {columns} classes, read back and valid)"
