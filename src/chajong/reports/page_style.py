"""The frame of the report's page: its style, the charts' library and the script that draws."""

from __future__ import annotations

from chajong.photos.page import page_html

_STYLE = """
html { scroll-behavior: smooth }
section { scroll-margin-top: 16px }
section > p { max-width: 76ch }
h1 { margin-bottom: 18px }
h2 { margin-top: 56px; font-size: 21px }
h3 { font-size: 15px; font-weight: 600; margin: 0 0 6px; overflow-wrap: anywhere }
nav { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 26px }
nav a { color: var(--accent); text-decoration: none; background: #fff; font-size: 14px;
  border: 1px solid var(--line); border-radius: 999px; padding: 4px 12px }
nav a:hover, nav a:focus { border-color: var(--accent) }
.chart, article, .pair, details { background: #fff; border: 1px solid var(--line);
  border-radius: 10px; margin: 0 0 14px }
.chart { padding: 14px 14px 6px; min-width: 0 }
.plot { width: 100% }
.scroll { overflow-x: auto; margin: 0 0 14px }
.scroll table { max-width: none; font-size: 14px }
section > .scroll table { border-radius: 10px }
th, td { padding: 7px 9px } th { vertical-align: bottom; line-height: 1.25 }
.status { color: var(--soft); font-size: 13px; display: block; text-align: left;
  min-width: 110px }
td:first-child { min-width: 120px; overflow-wrap: anywhere }
td b { font-weight: 600 }
.interval { color: var(--soft); font-size: 12px; white-space: nowrap; display: block }
.bar { display: inline-block; width: 64px; height: 8px; border-radius: 4px; margin-right: 8px;
  background: #eef2f6; overflow: hidden }
.beside { display: inline-block; min-width: 46px }
.bar i { display: block; height: 100%; background: var(--accent) }
.soft { color: var(--soft) } .right { color: #2f7a45 } .wrong { color: #b23f2c }
details { padding: 0 14px } summary { cursor: pointer; padding: 10px 0; color: var(--accent);
  font-size: 14px }
details table { border: 0 }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 }
.pair > div { padding: 14px; min-width: 0 } .pair > div + div { border-left: 1px solid var(--line) }
.pair p { font-size: 14px; margin: 0 0 10px }
.three { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 10px }
.three figure { width: auto } .three img, .three .blank { height: 110px }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 14px }
article { padding: 12px; margin: 0; min-width: 0 }
article .scroll { margin: 8px 0 0 } article table { border: 0; font-size: 13px }
article th, article td { padding: 3px 6px } article td:last-child, article th:last-child {
  text-align: left; overflow-wrap: anywhere } article td:first-child { min-width: 0 }
.shot { display: grid; grid-template-columns: 46% 1fr; gap: 12px; align-items: start }
.shot img, .shot .blank { width: 100%; height: 120px; object-fit: contain; border-radius: 6px;
  background: #eef2f6 }
.shot b { font-weight: 600; overflow-wrap: anywhere; font-size: 14px }
.shot p { font-size: 13px; margin: 4px 0 0; overflow-wrap: anywhere }
.photos { margin-top: 14px }
.numbers { margin-bottom: 14px } .numbers b { font-size: 24px }
@media (max-width: 560px) { .pair { grid-template-columns: 1fr }
  .pair > div + div { border-left: 0; border-top: 1px solid var(--line) }
  .three img, .three .blank { height: 22vw } .three figure { font-size: 12px }
  .bar { display: none } .beside { min-width: 0 }
  .cards { grid-template-columns: minmax(0, 1fr) }
  .chart { padding: 12px 6px 4px } .chart h3 { padding: 0 6px }
  .numbers { grid-template-columns: 1fr 1fr } .numbers b { font-size: 20px } }
"""

_SCRIPT_FREE = "<noscript><style>.plot { display: none }</style></noscript>"

_DRAW = """
const narrow = window.matchMedia("(max-width: 560px)").matches;
for (const chart of document.querySelectorAll(".chart")) {
  const figure = JSON.parse(chart.querySelector("script").textContent);
  figure.layout.font.family = getComputedStyle(document.body).fontFamily;
  if (narrow) figure.layout.font.size = 11;
  Plotly.newPlot(chart.querySelector(".plot"), figure.data, figure.layout,
    { responsive: true, displayModeBar: false });
}
"""


def framed_report(title: str, body: str) -> str:
    """Frame the report, with Plotly's JavaScript in it once so that it opens without a network.

    Args:
        title: Plain text.
        body: HTML with charts from `chajong.reports.elements.chart_html`.
    """
    from plotly.offline import get_plotlyjs

    # Last in the page, so that tables and photos are there before the library has been read.
    scripts = f"<script>{get_plotlyjs()}</script><script>{_DRAW}</script>"
    return page_html(title, body + scripts, f"<style>{_STYLE}</style>{_SCRIPT_FREE}")
