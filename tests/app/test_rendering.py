from io import BytesIO

import pytest
from PIL import Image

from chajong.app.rendering import PREVIEW_SIDE, names, preview, render
from chajong.app.service import (
    CarModel,
    Confusion,
    MemberOpinion,
    RankedModel,
    Recognition,
    SimilarPhoto,
)

HOSTILE = CarModel("K5_<script>_2020", "K5 & <i>")


def jpeg(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG")
    return file.getvalue()


def test_names_stay_texts_in_both_languages():
    photo = SimilarPhoto("a", HOSTILE, -1e-9, jpeg(8, 8))
    for language in ("ko", "en"):
        confusions = (Confusion(HOSTILE, HOSTILE, 3, 10),)
        shown = render("found.html", photos=(photo,), language=language)
        shown += render(
            "confusions.html",
            confusions=confusions,
            photos={HOSTILE.name: jpeg(8, 8)},
            language=language,
        )
        shown += render("problem.html", reason="<script>", language=language)
        assert "<script" not in shown
        assert "<i>" not in shown
        assert "K5 &amp; &lt;i&gt;" in shown
        assert " 0.00" in shown


def recognition(distance):
    ranked = (RankedModel(CarModel("K5_3세대_2020_2023", "K5 3rd generation"), 0.75),)
    opinion = MemberOpinion("hog", "frozen", "HOG and colours", 1.0, ranked)
    return Recognition(ranked, (), (), (opinion,), distance, None if distance is None else 0.3)


@pytest.mark.parametrize("distance", [None, 0.3])
def test_an_answer_is_large_and_members_are_named_by_what_they_do(distance):
    shown = render(
        "recognition.html", found=recognition(distance), previews=[jpeg(8, 8)], language="ko"
    )
    assert "75.0%" in shown
    assert "고정 특징 분류" in shown
    assert ">hog<" not in shown


def test_what_is_no_known_car_gets_no_percentage():
    shown = render(
        "recognition.html", found=recognition(0.31), previews=[jpeg(8, 8)], language="en"
    )
    assert "does not look like a known car" in shown
    assert "0.31 away" in shown
    assert "%" not in shown


def test_the_readers_language_comes_first():
    photo = SimilarPhoto("a", CarModel("K5_3세대", "K5 third"), 0.1, jpeg(8, 8))
    korean, english = (
        render("found.html", photos=(photo,), language=language) for language in ("ko", "en")
    )
    assert "<b>K5 3세대</b>" in korean
    assert "<b>K5 third</b>" in english


def test_names_have_their_years_at_the_end():
    model = CarModel("더_뉴_K5_3세대_2020_2023", "The New K5 3rd generation")
    assert names(model, "ko") == ("더 뉴 K5 3세대 2020–2023", "The New K5 3rd generation")
    assert names(model, "en") == ("The New K5 3rd generation 2020–2023", "더 뉴 K5 3세대")
    assert names(CarModel("X5_2020", "X5"), "en")[0] == "X5 2020"


def test_the_photo_asked_about_is_shown_small():
    assert Image.open(BytesIO(preview(jpeg(1600, 1200)))).size == (PREVIEW_SIDE, 480)
