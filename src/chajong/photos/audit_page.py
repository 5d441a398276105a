"""The audit as one self-contained HTML page."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd

from chajong.photos.audit import KINDS
from chajong.photos.page import numbers_html, page_html, page_text, photo_html
from chajong.photos.shift import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from chajong.photos.shift import ShiftReport
    from chajong.photos.store import PhotoStore

SHOWN_PER_KIND = 24

_EXPLANATIONS = {
    "unreadable": "Files that could not be turned into a picture.",
    "missing": "Photos that a table names and that do not exist.",
    "conflict": "The same file under two labels: at least one of them is wrong.",
    "near-duplicate across classes": "Photos that look the same under two labels.",
    "empty class": "Classes of the submission without a readable train photo.",
    "few photos": "Classes with fewer photos than there are folds.",
    "warning": "What was noticed while the folder was scanned.",
    "reviewed": "Photos that a person gave a verdict on.",
    "near-duplicate": "Photos of one class that look the same; they stay in one fold.",
    "tiny photo": "Photos with a very short side.",
    "grey photo": "Photos without colour.",
}
_PLURALS = {
    "unreadable": "Unreadable photos",
    "missing": "Missing photos",
    "conflict": "Conflicting labels",
    "near-duplicate across classes": "Near-duplicates across classes",
    "empty class": "Empty classes",
    "few photos": "Classes with few photos",
    "warning": "Warnings",
    "reviewed": "Reviewed photos",
    "near-duplicate": "Near-duplicates",
    "tiny photo": "Tiny photos",
    "grey photo": "Grey photos",
}


def render_audit_page(
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
    contents = photos.set_index("photo_id")["sha256"].to_dict()
    sections = [
        _section(kind, audit[audit["kind"] == kind], contents, store)
        for kind in KINDS
        if (audit["kind"] == kind).any()
    ]
    body = f"{_numbers(audit, photos, shift)}{''.join(sections)}{_shift_table(shift)}"
    return page_html("Photo audit", body)


def _numbers(audit: pd.DataFrame, photos: pd.DataFrame, shift: ShiftReport | None) -> str:
    of_kind = audit["kind"].value_counts()
    splits = photos["split"].value_counts()
    numbers = {
        "train photos": f"{splits.get('train', 0):,}",
        "test photos": f"{splits.get('test', 0):,}",
        "classes": f"{photos['class_name'].nunique():,}",
        "unreadable or missing": f"{of_kind.get('unreadable', 0) + of_kind.get('missing', 0):,}",
        "conflicting photos": f"{of_kind.get('conflict', 0):,}",
        "near-duplicate groups": f"{audit['group'].nunique():,}",
        "AUC, train against test": f"{shift['auc']:.3f}" if shift else "–",
    }
    return numbers_html(numbers)


def _section(
    kind: str, findings: pd.DataFrame, contents: Mapping[Hashable, str], store: PhotoStore
) -> str:
    shown = findings.head(SHOWN_PER_KIND)
    body = _photo_grid(shown, contents, store) if shown["photo_id"].notna().all() else _list(shown)
    left_out = len(findings) - len(shown)
    more = f'<p class="more">{left_out:,} more are in the audit table.</p>' if left_out else ""
    return (
        f"<section><h2>{_PLURALS[kind]}<span>{len(findings):,}</span></h2>"
        f"<p>{_EXPLANATIONS[kind]}</p>{body}{more}</section>"
    )


def _photo_grid(findings: pd.DataFrame, contents: Mapping[Hashable, str], store: PhotoStore) -> str:
    """Show photos, those of one group of near-duplicates in one box."""
    rows = findings.to_dict("records")
    boxes = []
    for group, members in groupby(rows, key=lambda row: row["group"]):
        figures = "".join(_figure(row, contents[row["photo_id"]], store) for row in members)
        boxes.append(figures if pd.isna(group) else f'<div class="group">{figures}</div>')
    return f'<div class="photos">{"".join(boxes)}</div>'


def _figure(finding: Mapping[Hashable, str], content: str, store: PhotoStore) -> str:
    # What a near-duplicate looks like is seen in the photo beside it.
    parts = ["detail", "action"] if pd.isna(finding["group"]) else ["action"]
    caption = "".join(f"<br>{page_text(finding[part])}" for part in parts)
    label = "" if pd.isna(finding["class_name"]) else f"<b>{page_text(finding['class_name'])}</b>"
    name = page_text(finding["photo_id"].rpartition("/")[2])
    picture = photo_html(content, store)
    return f"<figure>{picture}{label}<figcaption>{name}{caption}</figcaption></figure>"


def _list(findings: pd.DataFrame) -> str:
    def item(name: str, detail: str, action: str) -> str:
        heading = "" if pd.isna(name) else f"<b>{page_text(name)}</b>: "
        return f"<li>{heading}{page_text(detail)} <span>({page_text(action)})</span></li>"

    columns: Iterable[tuple[str, str, str]] = zip(
        findings["class_name"], findings["detail"], findings["action"], strict=True
    )
    return f"<ul>{''.join(item(*row) for row in columns)}</ul>"


def _shift_table(shift: ShiftReport | None) -> str:
    if shift is None:
        return ""
    rows = "".join(
        f"<tr><td>{STATISTICS[name]}</td><td>{side['train_median']:.3g}</td>"
        f"<td>{side['test_median']:.3g}</td></tr>"
        for name, side in shift["statistics"].items()
    )
    return (
        "<section><h2>Train against test</h2><p>Medians of the readable photos. A classifier that "
        f"sees only these numbers tells the two apart with an AUC of {shift['auc']:.3f}; 0.5 means "
        "that it cannot.</p><table><tr><th></th><th>train</th><th>test</th></tr>"
        f"{rows}</table></section>"
    )
