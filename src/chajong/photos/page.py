"""What all HTML pages have in common: one file, thumbnails inside, fonts with Hangul."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from chajong.photos.decode import decode_photo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chajong.photos.store import PhotoStore

_THUMBNAIL = (320, 240)
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


def page_html(title: str, body: str, head: str = "") -> str:
    """Frame a page.

    Args:
        title: Its title and first heading, as plain text.
        body: HTML that follows the heading.
        head: HTML at the end of the head, such as a script or more style.

    Returns:
        A page that needs no other file and fits a narrow screen.
    """
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{head}</head><body><main>"
        f"<h1>{page_text(title)}</h1>{body}</main></body></html>\n"
    )


def numbers_html(numbers: Mapping[str, str]) -> str:
    """Lay out figures as cards.

    Args:
        numbers: The figure by what it is, as plain text.
    """
    cards = (f"<div><b>{page_text(value)}</b>{name}</div>" for name, value in numbers.items())
    return f'<div class="numbers">{"".join(cards)}</div>'


def photo_html(content: str, store: PhotoStore) -> str:
    """Show a photo at most 320 x 240 pixels large, inside the page.

    Args:
        content: The sha-256 of the photo's file.
        store: The photos.

    Returns:
        An image, or a box that says that there is none.
    """
    if content not in store:
        return '<div class="blank">no picture</div>'
    return (
        f'<img loading="lazy" alt="" src="data:image/jpeg;base64,{thumbnail(store.jpeg(content))}">'
    )


def page_text(words: str) -> str:
    """Escape a text, and let its long names break at their separators."""
    return escape(words).replace("_", "_<wbr>").replace("/", "/<wbr>")


def thumbnail(jpeg: bytes) -> str:
    """Shrink a photo and write it as base64."""
    picture = Image.fromarray(decode_photo(jpeg, shortest_side=min(_THUMBNAIL)))
    picture.thumbnail(_THUMBNAIL)
    file = BytesIO()
    picture.save(file, "JPEG", quality=75)
    return b64encode(file.getvalue()).decode()
