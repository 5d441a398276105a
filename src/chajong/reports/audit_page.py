"""The audit as one self-contained HTML page."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from chajong.photos.audit import KINDS
from chajong.photos.shift import STATISTICS
from chajong.reports.rendering import NOTHING, render
from chajong.reports.texts import text

if TYPE_CHECKING:
    import pandas as pd

    from chajong.photos.shift import ShiftReport
    from chajong.photos.store import PhotoStore
    from chajong.texts import Language

SHOWN_PER_KIND = 24


def audit_page(
    audit: pd.DataFrame,
    photos: pd.DataFrame,
    store: PhotoStore,
    shift: ShiftReport | None,
    language: Language = "en",
) -> str:
    """Draw the audit with thumbnails of the photos it names.

    Args:
        audit: From `audit_photos`.
        photos: The `photos` table.
        store: The photos themselves.
        shift: From `measure_shift`.
        language: The reader's.

    Returns:
        A page that needs no other file; of each kind at most `SHOWN_PER_KIND` findings are shown.
    """
    of_kind = dict(list(audit.groupby("kind")))
    return render(
        "audit.html",
        language,
        figures=_figures(audit, photos, shift, language),
        sections=[_section(kind, of_kind[kind], language) for kind in KINDS if kind in of_kind],
        contents=photos.set_index("photo_id")["sha256"].to_dict(),
        store=store,
        shift=shift,
        statistics=STATISTICS,
    )


def _figures(
    audit: pd.DataFrame, photos: pd.DataFrame, shift: ShiftReport | None, language: Language
) -> dict[str, str]:
    of_kind = audit["kind"].value_counts()
    splits = photos["split"].value_counts()
    figures = {
        "train_photos": f"{splits.get('train', 0):,}",
        "test_photos": f"{splits.get('test', 0):,}",
        "classes": f"{photos['class_name'].nunique():,}",
        "unreadable_photos": f"{of_kind.get('unreadable', 0) + of_kind.get('missing', 0):,}",
        "conflicting_photos": f"{of_kind.get('conflict', 0):,}",
        "near_duplicate_groups": f"{audit['group'].nunique():,}",
        "auc": f"{shift['auc']:.3f}" if shift else NOTHING,
    }
    return {text(name, language): figure for name, figure in figures.items()}


def _section(kind: str, findings: pd.DataFrame, language: Language) -> dict[str, Any]:
    """Give what the page says of one kind; findings of photos come in boxes, one a group."""
    shown = findings.head(SHOWN_PER_KIND)
    rows = shown.astype(object).where(shown.notna(), None).to_dict("records")
    boxes = [(group, list(members)) for group, members in groupby(rows, key=itemgetter("group"))]
    return {
        "title": text(f"{kind} title", language),
        "explanation": text(f"{kind} explained", language),
        "findings": len(findings),
        "left_out": len(findings) - len(shown),
        "rows": rows,
        "boxes": boxes if shown["photo_id"].notna().all() else [],
    }
