from chajong.photos.page import numbers_html, page_html, page_text, photo_html


def test_a_page_names_a_hangul_font_and_fetches_nothing():
    page = page_html("차종 <b>", "<p>body</p>", "<style>.x{}</style>")
    assert "NanumGothic" in page
    assert "차종 &lt;b&gt;" in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.index(".x{}") < page.index("</head>") < page.index("<p>body</p>")


def test_long_names_may_break_and_cannot_be_markup():
    assert page_text("a_b/c<i>") == "a_<wbr>b/<wbr>c&lt;i&gt;"


def test_a_figure_stands_above_what_it_is():
    assert "<div><b>12</b>photos</div>" in numbers_html({"photos": "12"})


def test_a_photo_that_the_store_lacks_is_a_box():
    assert "no picture" in photo_html("missing", {})
