"""Similar models and the features that are searched."""

import numpy as np
import pytest

from chajong.search.filters import SearchError
from chajong.search.indexed_features import indexed_features
from chajong.search.measurement import measure_features, similar_models


def chosen_features(small_run, photos, wanted=None):
    return indexed_features(small_run.features, small_run.checkpoints, photos, wanted)


def test_an_encoder_that_reads_words_is_chosen_first(small_run):
    assert chosen_features(small_run, small_run.photos).member == "clip_frozen"
    assert chosen_features(small_run, small_run.photos, "hog").member == "hog"


def test_a_member_without_features_is_named(small_run):
    with pytest.raises(SearchError, match=r"timm_frozen has no features.*hog, clip_frozen"):
        chosen_features(small_run, small_run.photos, "timm_frozen")


def test_features_of_other_photos_do_not_count(small_run):
    with pytest.raises(SearchError, match="none"):
        chosen_features(small_run, small_run.photos[:-1])


def test_a_run_is_measured(small_run):
    chosen = chosen_features(small_run, small_run.photos)
    report = measure_features(chosen, *small_run.tables)
    assert 0 < report["recall_at_1"] <= report["recall_at_5"] <= report["recall_at_10"] <= 1
    chance = 1 / small_run.classes["effective_class"].nunique()
    assert report["recall_at_1"] > 2 * chance


def test_similar_models_are_the_best_cosines_outside_the_own_group(small_run):
    features = small_run.features["hog"]
    table = similar_models(features, *small_run.tables, 4)
    photos, classes, folds = small_run.tables
    known = folds[folds["label_counts"]]
    effective = classes.set_index("name")["effective_class"]
    labels = photos.set_index("photo_id")["class_name"].map(effective)
    unit = {
        photo: row / np.linalg.norm(row)
        for photo in [*folds["photo_id"], *small_run.test_photos()["photo_id"]]
        for row in features.rows([photo])
    }
    groups = folds.set_index("photo_id")["group"]
    asked = [folds["photo_id"].iloc[0], small_run.test_photos()["photo_id"].iloc[0]]
    for photo in asked:
        best = {}
        for other in known["photo_id"]:
            if photo in groups and groups[photo] == groups[other]:
                continue
            model = labels[other]
            best[model] = max(best.get(model, -1), float(unit[photo] @ unit[other]))
        expected = sorted(best.items(), key=lambda item: -item[1])[:4]
        rows = table[table["photo_id"] == photo]
        assert rows["class_name"].tolist() == [model for model, _ in expected]
        np.testing.assert_allclose(
            rows["similarity"], [cosine for _, cosine in expected], atol=1e-5
        )
        assert rows["rank"].tolist() == [1, 2, 3, 4]
