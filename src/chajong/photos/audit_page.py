"""The audit as one self-contained HTML page."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from chajong.photos.audit import KINDS
from chajong.photos.decode import decode_photo
from chajong.photos.shift import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from chajong.photos.shift import ShiftReport
    from chajong.photos.store import PhotoStore

SHOWN_PER_KIND = 24

_THUMBNAIL = (320, 240)
_EXPLANATIONS = {
    "unreadable": "Files that could not be turned into a picture.",
    "missing": "Photos that a table names and that do not exist.",
    "conflict": "The same file under two labels: at least one of them is wrong.",
    "near-duplicate across classes": "Photos that look the same under two labels.",
    "empty class": "Classes of the submission without a readable train photo.",
    "few photos": "Classes with fewer photos than there are folds.",
    "warning": "What was noticed while the folder was scanned.",
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
    "near-duplicate": "Near-duplicates",
    "tiny photo": "Tiny photos",
    "grey photo": "Grey photos",
}
_STYLE = """
:root { --ink: #1f2933; --soft: #66727f; --line: #e3e8ee; --accent: #2f6f9f; --paper: #f7f9fb }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.45;
  font: 16px/1.45 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "NanumGothic",
  sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px }
h1 { font-size: 28px; font-weight: 600; margin: 0 0 24px }
h2 { font-size: 19px; font-weight: 600; margin: 44px 0 2px }
h2 span { color: var(--soft); font-weight: 400; margin-left: 6px }
p { margin: 0 0 14px; color: var(--soft) }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px }
.numbers div { background: #fff; border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 16px; color: var(--soft); font-size: 14px }
.numbers b { display: block; font-size: 26px; font-weight: 600; color: var(--ink);
  font-variant-numeric: tabular-nums }
.photos { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start }
.group { display: flex; flex-wrap: wrap; gap: 10px; background: #fff; padding: 10px;
  border: 1px solid var(--line); border-radius: 10px; max-width: 100% }
figure { margin: 0; width: 200px; max-width: 100%; font-size: 13px; overflow-wrap: anywhere }
figure img, figure .blank { width: 100%; height: 150px; object-fit: contain; border-radius: 6px;
  background: #eef2f6; display: block }
figure .blank { display: grid; place-items: center; color: var(--soft); border: 1px dashed #c9d3dd }
figure b { display: block; font-weight: 600; margin-top: 6px }
figcaption { color: var(--soft) }
ul { margin: 0; padding: 0; list-style: none; background: #fff; border: 1px solid var(--line);
  border-radius: 10px; overflow-wrap: anywhere }
li { padding: 9px 14px } li + li { border-top: 1px solid var(--line) }
li span { color: var(--soft) }
table { border-collapse: collapse; background: #fff; border: 1px solid var(--line);
  font-variant-numeric: tabular-nums; width: 100%; max-width: 620px; font-size: 15px }
th, td { padding: 7px 14px; text-align: right; border-top: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft); border: 0 }
th:first-child, td:first-child { text-align: left }
.more { margin-top: 12px }
@media (max-width: 560px) { main { padding: 24px 14px 48px }
  figure { width: calc(50% - 7px) } .group figure { width: calc(50% - 5px) }
  figure img, figure .blank { height: 32vw }
  .group { width: 100% } th, td { padding: 7px 8px } }
"""


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
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Photo audit</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Photo audit</h1>{_numbers(audit, photos, shift)}{''.join(sections)}"
        f"{_shift_table(shift)}</main></body></html>\n"
    )


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
    cards = (f"<div><b>{value}</b>{name}</div>" for name, value in numbers.items())
    return f'<div class="numbers">{"".join(cards)}</div>'


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
    caption = "".join(f"<br>{_text(finding[part])}" for part in parts)
    label = "" if pd.isna(finding["class_name"]) else f"<b>{_text(finding['class_name'])}</b>"
    name = _text(finding["photo_id"].rpartition("/")[2])
    picture = '<div class="blank">no picture</div>'
    if content in store:
        source = f"data:image/jpeg;base64,{_thumbnail(store.jpeg(content))}"
        picture = f'<img loading="lazy" alt="" src="{source}">'
    return f"<figure>{picture}{label}<figcaption>{name}{caption}</figcaption></figure>"


def _text(words: str) -> str:
    """Escape a text, and let its long names break at their separators."""
    return escape(words).replace("_", "_<wbr>").replace("/", "/<wbr>")


def _thumbnail(jpeg: bytes) -> str:
    picture = Image.fromarray(decode_photo(jpeg, shortest_side=min(_THUMBNAIL)))
    picture.thumbnail(_THUMBNAIL)
    file = BytesIO()
    picture.save(file, "JPEG", quality=75)
    return b64encode(file.getvalue()).decode()


def _list(findings: pd.DataFrame) -> str:
    def item(name: str, detail: str, action: str) -> str:
        heading = "" if pd.isna(name) else f"<b>{_text(name)}</b>: "
        return f"<li>{heading}{_text(detail)} <span>({_text(action)})</span></li>"

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
