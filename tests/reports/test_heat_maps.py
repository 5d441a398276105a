import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from chajong.pipelines.reporting import nodes
from chajong.pipelines.reporting.parameters import ReportingParameters
from chajong.reports.heat_maps import SHOWN_PHOTOS, heat_map_table, overlaid


def grey(width=64, height=40):
    file = BytesIO()
    Image.new("RGB", (width, height), (128, 128, 128)).save(file, "JPEG")
    return file.getvalue()


def pixels(jpeg):
    return np.asarray(Image.open(BytesIO(jpeg))).astype(int)


class TestOverlaid:
    def test_the_hottest_place_is_red_and_a_cold_one_stays(self):
        heat = np.zeros((2, 4), np.float32)
        heat[1, 3] = 0.01
        drawn = pixels(overlaid(grey(), heat))
        assert drawn.shape == (40, 64, 3)
        red = drawn[..., 0] - drawn[..., 1]
        assert red[-2, -2] > 50
        assert np.abs(red[:10, :20]).max() < 8
        assert np.unravel_index(red.argmax(), red.shape) > (20, 32)

    def test_an_empty_map_leaves_the_photo_as_it_is(self):
        drawn = pixels(overlaid(grey(), np.zeros((3, 3), np.float32)))
        np.testing.assert_allclose(drawn, 128, atol=3)

    def test_a_large_photo_is_shrunk(self):
        assert pixels(overlaid(grey(1280, 960), np.ones((3, 3), np.float32))).shape == (240, 320, 3)


class TestTable:
    @pytest.fixture
    def asked(self):
        return []

    @pytest.fixture
    def table(self, make_scored, store, asked):
        scored = make_scored()
        folds = pd.Series(np.arange(60) % 5, index=scored.photo_ids)

        def ask(contents, of_folds, classes):
            asked.append((contents, of_folds, classes))
            return [np.ones((2, 2, 2), np.float32)] * len(contents)

        return heat_map_table("net", scored, folds, ask, store), scored

    def test_the_hardest_come_first_once_for_the_label_and_once_for_the_answer(self, table):
        rows, scored = table
        hardest = scored.take(np.argsort(-scored.losses, kind="stable")[:SHOWN_PHOTOS])
        of_label, of_guess = rows[rows["of"] == "label"], rows[rows["of"] == "guess"]
        assert len(of_label) == len(of_guess) == SHOWN_PHOTOS
        assert of_label["photo_id"].tolist() == list(hardest.photo_ids)
        assert of_label["class_name"].tolist() == list(hardest.names_of(hardest.labels))
        assert of_guess["class_name"].tolist() == list(hardest.names_of(hardest.guesses))
        np.testing.assert_allclose(-np.log(of_label["probability"]), hardest.losses, atol=1e-6)
        np.testing.assert_allclose(of_guess["probability"], hardest.confidences)
        assert pixels(base64.b64decode(rows["picture"][0])).shape == (40, 64, 3)

    def test_each_photo_is_looked_at_by_the_model_of_its_fold(self, table, asked):
        rows, scored = table
        ((contents, folds, classes),) = asked
        places = [list(scored.photo_ids).index(photo) for photo in rows["photo_id"][::2]]
        assert folds == [place % 5 for place in places]
        assert contents == list(scored.sha256s[places])
        np.testing.assert_array_equal(
            classes, np.stack([scored.labels[places], scored.guesses[places]], axis=1)
        )


def test_there_are_none_where_no_member_can_say(make_scored, classes, store):
    answers = {"ensemble": make_scored(), "hog": make_scored(seed=2)}
    table = nodes.draw_heat_maps(answers, {}, {}, classes, store, ReportingParameters())
    assert table.empty
