"""The last thing a person reads of a run: what was scored, where it is, what was skipped."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from chajong.whole import bytes_on_disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from chajong.photos.folder import PhotoFolder

NAMED_PHOTOS = 3
"""How many photos or classes of a kind a summary names beside their number."""


_CONSEQUENCES = {"train": "left out of training", "test": "answered by how frequent classes are"}


def summary_text(
    report: dict[str, Any],
    leaderboard: pd.DataFrame,
    photos: pd.DataFrame,
    folds: str,
    submission: pd.DataFrame,
    folder: PhotoFolder,
    results: Path,
    *,
    is_baseline: bool = False,
) -> str:
    """Put a run into a few lines; what was lost has a line and a number a kind.

    Args:
        report: The ensemble's report.
        leaderboard: The table of members.
        photos: The `photos` table.
        folds: Whether folds are as hard as new photos, in words.
        submission: The submission as read back, without rows where there are no test photos.
        folder: The raw photos, with what was noted of them.
        results: The folder that the results are in.
        is_baseline: Whether no member starts from weights that know photos.

    Returns:
        Lines of a label and a text.
    """
    lines = [
        ("photos", f"{_photo_counts(photos)} ({folder.layout})"),
        *(("not used", text.removesuffix(".")) for text in folder.left_out),
        *(("no photo", text) for text in _unreadable(photos)),
        *(("warning", text.removesuffix(".")) for text in folder.warnings),
        ("log loss", _losses(report)),
        ("folds", folds),
        ("accuracy", f"{report['accuracy']:.1%}, {report['top_5_accuracy']:.1%} among the top 5"),
        ("members", _members(leaderboard)),
        ("pool", _pool(report["pool"])),
        *([("baseline", _better(folder.root, results))] if is_baseline else []),
        ("temperature", _temperatures(report)),
        *(("skipped", f"{name}: {why}") for name, why in report["skipped"].items()),
        ("submission", _submission(submission, results)),
        ("disk", f"{bytes_on_disk(results) / 1e6:,.0f} MB in {results}"),
        ("reports", f"{results / '08_reporting'} (report.html, doubtful_labels.html, audit.html)"),
    ]
    if len(submission):
        lines.insert(-2, ("top k", str(results / "07_model_output" / "top_k.csv")))
    return "\n".join(f"  {label:12} {text}" for label, text in lines) + "\n"


def _better(photos: Path, results: Path) -> str:
    places = quote(f"raw_dir={photos},data_dir={results}")
    return (
        "these answers come from histograms, which have seen no other photo. For better ones type, "
        f"with a network: kedro run --env cpu --params {places} (`chajong doctor` says whether the "
        "hub can be reached)"
    )


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
    """Count what a table names and is not there, what is no picture, and classes of only those."""
    bad = photos[photos["status"] != "ok"]
    texts = []
    for (split, status), some in bad.groupby(["split", "status"], sort=False):
        told = [
            f"{photo} ({reason})"
            for photo, reason in zip(some["photo_id"], some["reason"], strict=True)
        ]
        texts.append(f"{status} {split} photos, {_CONSEQUENCES[str(split)]}, {_counted(told)}")
    readable = photos.loc[photos["status"] == "ok", "class_name"]
    if lost := sorted(set(bad["class_name"].dropna()) - set(readable)):
        texts.append(f"classes without a readable photo, {_counted(lost)}")
    return texts


def _counted(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:NAMED_PHOTOS])
    more = ", more in audit.csv" if len(texts) > NAMED_PHOTOS else ""
    return f"{len(texts):,}: {shown}{more}"


def _submission(submission: pd.DataFrame, results: Path) -> str:
    if submission.empty:
        return "none, because there are no test photos"
    rows, columns = len(submission), submission.shape[1] - 1
    path = results / "07_model_output" / "submission.csv"
    return f"{path} ({rows:,} rows x {columns} classes, read back and valid)"
