import json
import re
from html.parser import HTMLParser
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from plotly.io import from_json

from chajong.pipelines.reporting import nodes
from chajong.pipelines.reporting.parameters import ReportingParameters
from chajong.pipelines.reporting.pipeline import DRAWN
from chajong.reports.heat_maps import heat_map_table
from chajong.reports.texts import SECTIONS, TEXTS, VALUES

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
    approaches = ["ensemble", *["CLIP"] * (len(members) - 1)]
    return table.assign(status="pooled", approach=approaches)


REPORT = {
    "shift": {
        "fitting": "grouped<i>",
        "reason": "test photos are darker",
        "figures": {"plain": {"every photo alike": 0.7475, "as in <test>": 0.8}},
    },
    "skipped": {"vlm<i>": "made with other classes & folds"},
}


def draw(
    answers,
    photos,
    classes,
    store,
    as_predictions,
    test_photos,
    histories=(),
    report=REPORT,
    language="en",
):
    """Draw a page as the pipeline does, with everything read back from files in between."""
    ids, members = answers["ensemble"].photo_ids, [name for name in answers if name != "ensemble"]
    ensemble = as_predictions(answers["ensemble"], test_photos)
    folds = pd.DataFrame({"photo_id": ids, "group": np.arange(len(ids)) // 2})
    steps = {"photo_id": ids} | {name: answers[name].losses for name in reversed(answers)}
    board = make_board(["ensemble", *members])
    said = ReportingParameters(language=language)
    drawn = {
        "leaderboard": board,
        "confused_pairs": nodes.list_confused_pairs(answers),
        "confusion_matrix_chart": nodes.draw_confusion_matrix(answers, said)[1],
        "heat_maps": heat_map_table(
            next(reversed(answers)),
            next(reversed(answers.values())),
            pd.Series(0, index=ids),
            lambda contents, folds, asked: [np.ones((2, 3, 4), np.float32)] * len(contents),
            store,
        ),
        "learning_curves_chart": nodes.draw_learning_curves(dict(histories), said),
    }
    for table, chart, outputs in (
        ("steps", "steps", nodes.draw_steps(pd.DataFrame(steps), folds, said)),
        ("approaches", "approaches", nodes.draw_approaches(board, said)),
        ("reliability", "reliability", nodes.draw_reliability(answers, said)),
        ("class_losses", "class_losses", nodes.draw_class_losses(answers, said)),
        (
            "partial_correctness",
            "partial_correctness",
            nodes.draw_partial_correctness(answers, classes, said),
        ),
        ("abstentions", "risk_coverage", nodes.draw_risk_coverage(answers, said)),
        (
            "unknown_photos",
            "unknown_photos",
            nodes.draw_unknown_photos(answers, ensemble, photos, said),
        ),
        (
            "known_cars",
            "known_cars",
            nodes.draw_known_cars({}, {}, photos.assign(status="ok"), classes, folds, said),
        ),
    ):
        drawn |= {table: outputs[0], f"{chart}_chart": outputs[1]}
    assert drawn.keys() == {"leaderboard", *DRAWN}
    return nodes.draw_report(
        answers,
        folds,
        photos.assign(reason=""),
        store,
        report,
        said,
        **{name: read_back(each) for name, each in drawn.items()},
    )


def read_back(drawn):
    if isinstance(drawn, pd.DataFrame):
        return pd.read_csv(StringIO(drawn.to_csv(index=False)))
    return from_json(drawn.to_json())


@pytest.fixture
def answers(make_scored):
    return {
        "ensemble": make_scored(seed=1),
        "clip": make_scored(seed=2),
        "외부<b>": make_scored(seed=3),
    }


@pytest.fixture
def html(answers, as_predictions, as_photos, classes, store) -> str:
    epochs = {"fold": 0, "epoch": [1.0, 2.0], "training_loss": [2.0, 1.0], "inner_loss": np.nan}
    photos = as_photos(answers["ensemble"], 10)
    histories = {"clip": pd.DataFrame(epochs)}
    return draw(answers, photos, classes, store, as_predictions, 10, histories)


@pytest.fixture
def page(html) -> Page:
    return Page(html)


def test_nothing_is_fetched_and_links_lead_to_sections(page):
    anchors = {f"#{anchor}" for anchor in page.anchors}
    for address in page.addresses:
        assert address.startswith("data:image/jpeg;base64,") or address in anchors
    assert sum(address.startswith("#") for address in page.addresses) == 15


def test_tags_are_closed(page):
    assert page.open == []


def test_plotly_is_embedded_once_behind_all_charts(page):
    libraries = [number for number, script in enumerate(page.scripts) if len(script) > 1_000_000]
    assert libraries == [len(page.charts)]
    assert len(page.charts) == 9


def test_hovering_a_chart_tells_what_it_did_before_it_was_stored(answers, page):
    drawn = json.loads(nodes.draw_reliability(answers, ReportingParameters())[1].to_json())["data"]
    assert drawn in [chart["data"] for chart in page.charts]
    assert any("hovertemplate" in trace for trace in drawn)


def test_a_page_in_korean_says_nothing_of_its_own_in_english(
    answers, as_predictions, as_photos, classes, store
):
    epochs = {"fold": 0, "epoch": [1.0, 2.0], "training_loss": [2.0, 1.0], "inner_loss": 1.0}
    photos, histories = as_photos(answers["ensemble"], 10), {"clip": pd.DataFrame(epochs)}
    report = REPORT | {"shift": REPORT["shift"] | {"reason": "AUC 0.51"}}
    html = draw(answers, photos, classes, store, as_predictions, 10, histories, report, "ko")
    page = Page(html)
    charts = json.dumps(page.charts, ensure_ascii=False)
    assert '<html lang="ko">' in html
    for title in SECTIONS:
        # Without frozen features there is no distance to known cars.
        if not title.endswith(("_reading", "_none")) and title != "known_cars":
            assert SECTIONS[title]["ko"] in page.text
    for english in (languages["en"] for languages in (TEXTS | VALUES).values()):
        if " " in english and "{" not in english:
            assert english not in page.text
            assert english not in charts


def test_hostile_names_stay_texts(html, page):
    for name in ("<script>alert('K5')</script>", "외부<b>", "vlm<i>", "grouped<i>", "as in <test>"):
        assert name in page.text
    assert "<script>alert" not in html
    assert "<test>" not in html


def test_headline_is_the_ensembles_log_loss_and_its_gain(answers, page):
    gain = answers["clip"].losses.mean() - answers["ensemble"].losses.mean()
    assert f"{answers['ensemble'].losses.mean():.4f}" in page.text
    assert f"{gain:.4f}" in page.text


def test_absent_ingredients_leave_their_sections_out_or_say_so(
    make_scored, as_predictions, as_photos, classes, store
):
    alone = {"ensemble": make_scored(seed=1)}
    photos = as_photos(alone["ensemble"])
    bare = draw(alone, photos, classes, store, as_predictions, 0, report=REPORT | {"skipped": {}})
    text = Page(bare).text
    assert "There are no test photos." in text
    assert "Nothing was left out." in text
    assert "Learning curves" not in text


def test_a_perfect_ensemble_is_reported(answers, as_predictions, as_photos, classes, store):
    perfect = answers["ensemble"].take(answers["ensemble"].right)
    photos = as_photos(perfect, 10)
    page = Page(draw({"ensemble": perfect}, photos, classes, store, as_predictions, 10))
    assert "No photo is taken for another class." in page.text


def test_tables_and_photos_are_there_without_javascript(html):
    bare = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert bare.count("<table>") > 10
    assert bare.count("<img") > 20
    assert "This chart needs JavaScript." in bare


def test_size_does_not_depend_on_the_number_of_photos(
    make_scored, as_predictions, as_photos, classes, store
):
    many = {"ensemble": make_scored(20_000, seed=1, lean=0.5), "clip": make_scored(20_000, seed=2)}
    photos = as_photos(many["ensemble"], 5000)
    html = draw(many, photos, classes, store, as_predictions, 5000)
    assert len(html.encode()) < 6_500_000
    for chart in Page(html).charts:
        assert sum(len(trace.get("x", ())) for trace in chart["data"]) <= 500
