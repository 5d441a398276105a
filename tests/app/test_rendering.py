from io import BytesIO

from PIL import Image

from chajong.app.rendering import PREVIEW_SIDE, preview, render
from chajong.app.service import CarModel, Confusion, SimilarPhoto

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
        shown += render("confusions.html", confusions=confusions, language=language)
        shown += render("problem.html", reason="<script>", language=language)
        assert "<script" not in shown
        assert "<i>" not in shown
        assert "K5 &amp; &lt;i&gt;" in shown
        assert " 0.00" in shown


def test_the_readers_language_comes_first():
    photo = SimilarPhoto("a", CarModel("K5_3세대", "K5 third"), 0.1, jpeg(8, 8))
    korean, english = (
        render("found.html", photos=(photo,), language=language) for language in ("ko", "en")
    )
    assert "<b>K5 3세대</b>" in korean
    assert "<b>K5 third</b>" in english


def test_the_photo_asked_about_is_shown_small():
    assert Image.open(BytesIO(preview(jpeg(1600, 1200)))).size == (PREVIEW_SIDE, 480)
