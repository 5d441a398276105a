"""The audit as one self-contained HTML page."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from chajong.photos.audit import KINDS
from chajong.photos.shift import STATISTICS
from chajong.reports.rendering import NOTHING, render

if TYPE_CHECKING:
    import pandas as pd

    from chajong.photos.shift import ShiftReport
    from chajong.photos.store import PhotoStore

SHOWN_PER_KIND = 24

_TEXTS = {
    "unreadable": ("Unreadable photos", "Files that could not be turned into a picture."),
    "missing": ("Missing photos", "Photos that a table names and that do not exist."),
    "left out": ("Left out", "What is in the folder and is not used, each kind with its number."),
    "conflict": (
        "Conflicting labels",
        "The same file under two labels: at least one of them is wrong.",
    ),
    "near-duplicate across classes": (
        "Near-duplicates across classes",
        "Photos that look the same under two labels.",
    ),
    "empty class": (
        "Empty classes",
        "Classes of the submission without a readable train photo.",
    ),
    "few photos": (
        "Classes with few photos",
        "Classes with fewer photos than there are folds.",
    ),
    "warning": ("Warnings", "How the folder was understood, and what looks wrong."),
    "reviewed": ("Reviewed photos", "Photos that a person gave a verdict on."),
    "near-duplicate": (
        "Near-duplicates",
        "Photos of one class that look the same; they stay in one fold.",
    ),
    "tiny photo": ("Tiny photos", "Photos with a very short side."),
    "grey photo": ("Grey photos", "Photos without colour."),
}


def audit_page(
    audit: pd.DataFrame, photos: pd.DataFrame, store: PhotoStore, shift: ShiftReport | None
) -> str:
    """Draw the audit with thumbnails of the photos it names.

    Args:
        audit: From `audit_photos`.
        photos: The `photos` table.
        store: The photos themselves.
        shift: From `measure_shift`.

    Returns:
        A page that needs no other file; of each kind at most `SHOWN_PER_KIND` findings are shown.
    """
    of_kind = dict(list(audit.groupby("kind")))
    return render(
        "audit.html",
        figures=_figures(audit, photos, shift),
        sections=[_section(kind, of_kind[kind]) for kind in KINDS if kind in of_kind],
        contents=photos.set_index("photo_id")["sha256"].to_dict(),
        store=store,
        shift=shift,
        statistics=STATISTICS,
    )


def _figures(
    audit: pd.DataFrame, photos: pd.DataFrame, shift: ShiftReport | None
) -> dict[str, str]:
    of_kind = audit["kind"].value_counts()
    splits = photos["split"].value_counts()
    return {
        "train photos": f"{splits.get('train', 0):,}",
        "test photos": f"{splits.get('test', 0):,}",
        "classes": f"{photos['class_name'].nunique():,}",
        "unreadable or missing": f"{of_kind.get('unreadable', 0) + of_kind.get('missing', 0):,}",
        "conflicting photos": f"{of_kind.get('conflict', 0):,}",
        "near-duplicate groups": f"{audit['group'].nunique():,}",
        "AUC, train against test": f"{shift['auc']:.3f}" if shift else NOTHING,
    }


def _section(kind: str, findings: pd.DataFrame) -> dict[str, Any]:
    """Give what the page says of one kind; findings of photos come in boxes, one a group."""
    title, explanation = _TEXTS[kind]
    shown = findings.head(SHOWN_PER_KIND)
    rows = shown.astype(object).where(shown.notna(), None).to_dict("records")
    boxes = [(group, list(members)) for group, members in groupby(rows, key=itemgetter("group"))]
    return {
        "title": title,
        "explanation": explanation,
        "findings": len(findings),
        "left_out": len(findings) - len(shown),
        "rows": rows,
        "boxes": boxes if shown["photo_id"].notna().all() else [],
    }
