from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from chajong.photos.store import PhotoStore
from chajong.reports.audit_page import SHOWN_PER_KIND, audit_page

HOSTILE = "<script>alert('K5')</script>&\"_2020"
SHIFT = {
    "auc": 0.8125,
    "train_photos": 3,
    "test_photos": 2,
    "statistics": {
        "brightness": {"train_mean": 1, "test_mean": 1, "train_median": 109.2, "test_median": 66.4}
    },
}


class Page(HTMLParser):
    """Counts tags, and gathers texts and pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def store() -> PhotoStore:
    def jpeg(size: tuple[int, int]) -> bytes:
        file = BytesIO()
        Image.new("RGB", size, "teal").save(file, "JPEG")
        return file.getvalue()

    jpegs = pa.array([jpeg((640, 427)), jpeg((90, 640))], pa.large_binary())
    return PhotoStore(pa.table({"sha256": ["a", "b"], "jpeg": jpegs}))


@pytest.fixture
def photos() -> pd.DataFrame:
    rows = [
        ("train/1.jpg", "train", HOSTILE, "a"),
        ("train/2.jpg", "train", "쏘나타_2019", "b"),
        ("train/3.jpg", "train", "쏘나타_2019", "unreadable"),
        ("TEST_0", "test", None, None),
    ]
    return pd.DataFrame(rows, columns=["photo_id", "split", "class_name", "sha256"])


def findings(*rows: tuple) -> pd.DataFrame:
    columns = ["kind", "photo_id", "class_name", "group", "detail", "action"]
    return pd.DataFrame(list(rows), columns=columns).astype({"group": "Int64"})


CONFLICT = (
    ("conflict", "train/1.jpg", HOSTILE, 7, "looks like train/2.jpg", "its label does not count"),
    ("conflict", "train/2.jpg", "쏘나타_2019", 7, "looks like train/1.jpg", "kept"),
)


def test_the_page_needs_no_other_file(photos, store):
    page = Page(audit_page(findings(*CONFLICT), photos, store, SHIFT))
    assert len(page.sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_names_are_escaped_and_shown(photos, store):
    page = Page(audit_page(findings(*CONFLICT), photos, store, None))
    assert HOSTILE in page.text
    assert "쏘나타_2019" in page.text


def test_thumbnails_show_the_whole_photo_small(photos, store):
    page = Page(audit_page(findings(*CONFLICT), photos, store, None))
    sizes = [
        Image.open(BytesIO(b64decode(source.partition(",")[2]))).size for source in page.sources
    ]
    assert sizes == [(320, 214), (34, 240)]


def test_photos_without_a_picture_are_listed(photos, store):
    audit = findings(
        ("unreadable", "train/3.jpg", "쏘나타_2019", None, "the file is empty", "left out"),
        ("missing", "TEST_0", None, None, "there is no file test/0.jpg", "class prior"),
    )
    page = Page(audit_page(audit, photos, store, None))
    assert page.sources == []
    assert page.text.count("no picture") == 2
    assert "the file is empty" in page.text
    assert "TEST_0" in page.text


def test_findings_without_a_photo_are_listed(photos, store):
    audit = findings(
        ("few photos", None, "쏘나타_2019", None, "photos that count: 2", "some folds lack it"),
        ("warning", None, None, None, "train/ holds a.txt", "please check"),
    )
    page = Page(audit_page(audit, photos, store, None))
    assert page.tags.count("li") == 2
    assert "쏘나타_2019: photos that count: 2 (some folds lack it)" in page.text


def test_numbers_stand_at_the_top(photos, store):
    text = Page(audit_page(findings(*CONFLICT), photos, store, SHIFT)).text
    for number in (
        "3train photos",
        "1test photos",
        "2classes",
        "0unreadable or missing",
        "2conflicting photos",
        "1near-duplicate groups",
        "0.812AUC",
    ):
        assert number in text


def test_the_page_is_told_in_korean(photos, store):
    text = Page(audit_page(findings(*CONFLICT), photos, store, SHIFT, "ko")).text
    for said in ("사진 점검", "모순되는 라벨", "3학습 사진", "밝기 (회색조 평균)", "라벨 미반영"):
        assert said in text
    for english in ("Photo audit", "train", "Brightness", "its label"):
        assert english not in text.replace("train/", "")


def test_the_shift_is_a_table(photos, store):
    text = Page(audit_page(findings(), photos, store, SHIFT)).text
    assert "Brightness (mean grey value)10966.4" in text


def test_many_findings_of_a_kind_are_counted_not_shown(photos, store):
    grey = ("grey photo", "train/1.jpg", "K5", None, "saturation 0.000", "used as it is")
    page = Page(audit_page(findings(*[grey] * 40), photos, store, None))
    assert page.tags.count("img") == SHOWN_PER_KIND
    assert f"{40 - SHOWN_PER_KIND} more are in the audit table" in page.text


def test_a_table_read_back_from_csv_gives_the_same_page(photos, store, tmp_path):
    audit = findings(*CONFLICT, ("warning", None, None, None, "check this", "please check"))
    audit.to_csv(tmp_path / "audit.csv", index=False, encoding="utf-8-sig")
    again = pd.read_csv(tmp_path / "audit.csv", encoding="utf-8-sig")
    pages = [audit_page(table, photos, store, SHIFT) for table in (audit, again)]
    assert pages[0] == pages[1]


def test_an_empty_audit_is_a_page(photos, store):
    page = Page(audit_page(findings(), photos, store, None))
    assert "Photo audit" in page.text
    assert "–AUC" in page.text
