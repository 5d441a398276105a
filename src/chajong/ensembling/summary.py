"""The last thing a person reads of a run: what was scored, where it is, what was skipped."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from chajong.ensembling.texts import text, told
from chajong.whole import bytes_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from chajong.photos.folder import PhotoFolder
    from chajong.texts import Language

NAMED_PHOTOS = 3
"""How many photos or classes of a kind a summary names beside their number."""


LABEL_WIDTH = 12
"""Columns of a terminal that what stands before a line takes."""


def summary_text(
    report: dict[str, Any],
    leaderboard: pd.DataFrame,
    photos: pd.DataFrame,
    folds: str,
    submission: pd.DataFrame,
    folder: PhotoFolder,
    results: Path,
    language: Language = "en",
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
        language: The reader's.
        is_baseline: Whether no member starts from weights that know photos.

    Returns:
        Lines of a label and a text.
    """
    layout = told(folder.layout, language)
    lines = [
        ("photos", text("photo_counts", language, **_photo_counts(photos), layout=layout)),
        *(("not used", told(note, language).removesuffix(".")) for note in folder.left_out),
        *(("no photo", lost) for lost in _unreadable(photos, language)),
        *(("warning", told(note, language).removesuffix(".")) for note in folder.warnings),
        ("log loss", text("losses", language, **report)),
        ("folds", folds),
        ("accuracy", text("accuracies", language, **report)),
        ("members", _members(leaderboard)),
        ("pool", _pool(report["pool"])),
        *([("baseline", _better(folder.root, results, language))] if is_baseline else []),
        ("temperature", _temperatures(report, language)),
        *(("skipped", f"{name}: {told(why, language)}") for name, why in report["skipped"].items()),
        ("submission", _submission(submission, results, language)),
        (
            "disk",
            text("disk_use", language, megabytes=bytes_on_disk(results) / 1e6, results=results),
        ),
        ("reports", f"{results / '08_reporting'} (report.html, doubtful_labels.html, audit.html)"),
    ]
    if len(submission):
        lines.insert(-2, ("top k", str(results / "07_model_output" / "top_k.csv")))
    return laid_out(lines, language)


def laid_out(lines: Iterable[tuple[str, str]], language: Language) -> str:
    """Put what is told below each other.

    Args:
        lines: What stands before each line, by its name in `LABELS`, and the line.
        language: The reader's.
    """
    return "".join(f"  {_padded(text(label, language))} {line}\n" for label, line in lines)


def _padded(label: str) -> str:
    """Fill up with spaces; Hangul is two columns wide."""
    wide = sum(east_asian_width(letter) in "WF" for letter in label)
    return label.ljust(LABEL_WIDTH - wide)


def _better(photos: Path, results: Path, language: Language) -> str:
    told_in = "" if language == "en" else f",language={language}"
    places = quote(f"raw_dir={photos},data_dir={results}{told_in}")
    return text("better", language, places=places)


def _photo_counts(photos: pd.DataFrame) -> dict[str, int]:
    counts = photos["split"].value_counts()
    return {split: int(counts.get(split, 0)) for split in ("train", "test")}


def _members(leaderboard: pd.DataFrame) -> str:
    scored = leaderboard[leaderboard["member"] != "ensemble"].dropna(subset=["log_loss"])
    rows = zip(scored["member"], scored["log_loss"], strict=True)
    return ", ".join(f"{member} {loss:.4f}" for member, loss in rows)


def _pool(pool: dict[str, Any]) -> str:
    weights = sorted(pool["weights"].items(), key=lambda item: -item[1])
    taken = ", ".join(f"{member} {weight:.2f}" for member, weight in weights if weight > 0)
    return f"{pool['method'].replace('_', '-')}: {taken}"


def _temperatures(report: dict[str, Any], language: Language) -> str:
    return text(
        "temperatures",
        language,
        final=report["final_temperature"],
        source=text(report["temperature_source"], language),
        out_of_fold=report["out_of_fold_temperature"],
    )


def _unreadable(photos: pd.DataFrame, language: Language) -> list[str]:
    """Count what a table names and is not there, what is no picture, and classes of only those."""
    bad = photos[photos["status"] != "ok"]
    texts = []
    for (split, status), some in bad.groupby(["split", "status"], sort=False):
        named = [
            f"{photo} ({told(reason, language)})"
            for photo, reason in zip(some["photo_id"], some["reason"], strict=True)
        ]
        texts.append(_counted(f"{status} {split}", named, language))
    readable = photos.loc[photos["status"] == "ok", "class_name"]
    if lost := sorted(set(bad["class_name"].dropna()) - set(readable)):
        texts.append(_counted("lost_classes", lost, language))
    return texts


def _counted(what: str, named: Sequence[str], language: Language) -> str:
    more = text("more", language) if len(named) > NAMED_PHOTOS else ""
    shown = ", ".join(named[:NAMED_PHOTOS]) + more
    said = text(what, language)
    return text("counted", language, what=said, count=len(named), shown=shown)


def _submission(submission: pd.DataFrame, results: Path, language: Language) -> str:
    if submission.empty:
        return text("no_submission", language)
    rows, columns = len(submission), submission.shape[1] - 1
    path = results / "07_model_output" / "submission.csv"
    return text("submission_file", language, path=path, rows=rows, columns=columns)
