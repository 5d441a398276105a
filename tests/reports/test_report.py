import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from chajong.reports.report import ReportParts, report_page

FREE = {"br", "wbr", "img", "meta", "link", "hr", "input"}


class Page(HTMLParser):
    """Gathers addresses, scripts and texts, and checks that tags are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.anchors: set[str] = set()
        self.scripts: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href", "srcset") if name in values]
        self.anchors.add(values.get("id"))
        if tag == "script":
            self.scripts.append("")
        if tag not in FREE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data

    @property
    def charts(self) -> list[dict]:
        return [json.loads(script) for script in self.scripts if script.startswith('{"data"')]


def make_board(members: list[str]) -> pd.DataFrame:
    numbers = [
        *("log_loss", "log_loss_low", "log_loss_high", "gain_of_ensemble", "gain_low", "gain_high"),
        *("accuracy", "top_5_accuracy", "calibration_error", "seconds", "photos_per_second"),
        *("peak_memory_mb", "photos"),
    ]
    table = pd.DataFrame(0.5, index=range(len(members)), columns=numbers)
    table.insert(0, "member", members)
    return table.assign(status="pooled")


@pytest.fixture
def parts(make_scored, as_predictions, as_photos, classes, store) -> ReportParts:
    scored = make_scored(seed=1)
    members = {"clip": make_scored(seed=2), "외부<b>": make_scored(seed=3)}
    steps = {"photo_id": scored.photo_ids, "best": members["clip"].losses, "pool": scored.losses}
    epochs = {"fold": 0, "epoch": [1.0, 2.0], "training_loss": [2.0, 1.0], "inner_loss": np.nan}
    return ReportParts(
        scored=scored,
        members=members,
        predictions=as_predictions(scored, 10),
        photos=as_photos(scored, 10),
        classes=classes,
        groups=pd.Series(np.arange(len(scored)) // 2, index=scored.photo_ids),
        leaderboard=make_board(["ensemble", *members]),
        store=store,
        step_losses=pd.DataFrame(steps),
        shift_losses={"plain": 0.7475, "on test-like <photos>": 0.8},
        shift_text="Test photos are darker.",
        histories={"clip": pd.DataFrame(epochs)},
        skipped={"vlm<i>": "made with other classes & folds"},
        unlikeness=np.ones(10),
    )


@pytest.fixture
def page(parts) -> Page:
    return Page(report_page(parts))


def test_nothing_is_fetched_and_links_lead_to_sections(page):
    anchors = {f"#{anchor}" for anchor in page.anchors}
    for address in page.addresses:
        assert address.startswith("data:image/jpeg;base64,") or address in anchors
    assert sum(address.startswith("#") for address in page.addresses) == 13


def test_tags_are_closed(page):
    assert page.open == []


def test_plotly_is_embedded_once_behind_all_charts(page):
    libraries = [number for number, script in enumerate(page.scripts) if len(script) > 1_000_000]
    assert libraries == [len(page.charts)]
    assert len(page.charts) == 8


def test_hostile_names_stay_texts(parts, page):
    assert "<script>alert('K5')</script>" in page.text
    assert "외부<b>" in page.text
    assert "vlm<i>" in page.text
    assert "<script>alert" not in report_page(parts)


def test_headline_is_the_ensembles_log_loss_and_its_gain(parts, page):
    gain = parts.members["clip"].losses.mean() - parts.scored.losses.mean()
    assert f"{parts.scored.losses.mean():.4f}" in page.text
    assert f"{gain:.4f}" in page.text


def test_absent_ingredients_leave_their_sections_out_or_say_so(parts, as_predictions, as_photos):
    bare = replace(
        parts,
        members={},
        predictions=as_predictions(parts.scored),
        photos=as_photos(parts.scored),
        step_losses=None,
        shift_losses={},
        histories={},
        skipped={},
        unlikeness=None,
    )
    text = Page(report_page(bare)).text
    assert "There are no test photos." in text
    assert "Nothing was left out." in text
    for title in ("Gain per step", "Train against test", "Learning curves"):
        assert title not in text


def test_a_perfect_ensemble_is_reported(parts, answer, as_predictions, as_photos, classes):
    perfect = parts.scored.take(parts.scored.right)
    text = Page(report_page(replace(parts, scored=perfect, members={}))).text
    assert "No photo is taken for another class." in text


def test_tables_and_photos_are_there_without_javascript(parts):
    html = re.sub(r"<script.*?</script>", "", report_page(parts), flags=re.DOTALL)
    assert html.count("<table>") > 10
    assert html.count("<img") > 20
    assert "This chart needs JavaScript." in html


def test_size_does_not_depend_on_the_number_of_photos(
    parts, make_scored, as_predictions, as_photos
):
    many = make_scored(20_000, seed=1, lean=0.5)
    larger = replace(
        parts,
        scored=many,
        members={"clip": make_scored(20_000, seed=2)},
        predictions=as_predictions(many, 5000),
        photos=as_photos(many, 5000),
        groups=pd.Series(np.arange(len(many)), index=many.photo_ids),
        step_losses=None,
        unlikeness=None,
    )
    html = report_page(larger)
    assert len(html.encode()) < 6_500_000
    for chart in Page(html).charts:
        assert sum(len(trace.get("x", ())) for trace in chart["data"]) <= 500
