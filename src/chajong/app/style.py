"""How the page looks: one column on a phone, visible focus, fonts with Hangul."""

FONTS = ("system-ui", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "NanumGothic")

STYLE = """
.gradio-container { max-width: 1120px !important; margin: 0 auto !important }
.answer h2 { font-size: 19px; font-weight: 600; margin: 28px 0 10px }
.answer img, .cards img { border-radius: 8px; background: #eef2f6; display: block }
figure { margin: 0 }
.preview img { max-width: min(100%, 420px); height: auto }
.models { list-style: none; margin: 0; padding: 0 }
.models li { padding: 7px 0 }
.named { display: flex; justify-content: space-between; gap: 12px; align-items: baseline;
  overflow-wrap: anywhere }
.other { opacity: .75; font-size: 14px; display: inline-block }
.percent { font-variant-numeric: tabular-nums; white-space: nowrap }
.bar { height: 7px; border-radius: 4px; background: #2f6f9f; min-width: 2px; margin-top: 3px }
.cards { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) }
.cards img { width: 100%; height: 110px; object-fit: contain }
.cards figcaption { font-size: 13px; overflow-wrap: anywhere; margin-top: 5px }
.cards figcaption > *, .cards .other { display: block }
.members, .confusions { border-collapse: collapse; width: 100%; font-size: 14px }
.confusions { table-layout: fixed }
.members th:first-child, .members td:first-child { white-space: nowrap }
.members td, .members th, .confusions td, .confusions th { text-align: left; padding: 6px 8px;
  border-top: 1px solid #d5dce4; overflow-wrap: anywhere; vertical-align: top }
.problem { border-left: 4px solid #b3261e; padding: 10px 14px; margin: 0 }
*:focus-visible { outline: 3px solid #2f6f9f !important; outline-offset: 2px }
footer { display: none !important }
@media (max-width: 640px) { .cards { grid-template-columns: 1fr 1fr }
  .gradio-container { padding: 8px !important } }
"""
