import numpy as np
import pandas as pd

from chajong.encoders.features import Features, content_hash
from chajong.reports.strongest_features import strongest_features

PHOTOS = pd.DataFrame(
    {"photo_id": ["a", "b", "c"], "sha256": ["1", "2", "3"], "status": ["ok", "ok", "unreadable"]}
)


def features_of(ids, contents):
    return Features(tuple(ids), np.ones((len(ids), 2)), "key", content_hash(ids, contents))


def test_the_member_with_the_lowest_loss_that_has_features_is_taken():
    ours = features_of(["a", "b"], ["1", "2"])
    features = {"hog": features_of(["b", "a"], ["2", "1"]), "clip_frozen": ours}
    losses = {"hog": 1.2, "clip_frozen": 0.9, "llava": 0.1}
    assert strongest_features(features, losses, PHOTOS) is ours


def test_features_of_other_photos_do_not_count():
    features = {"hog": features_of(["a", "b"], ["1", "other"])}
    assert strongest_features(features, {"hog": 1.0}, PHOTOS) is None


def test_a_member_that_was_not_scored_is_not_taken():
    features = {"hog": features_of(["a", "b"], ["1", "2"])}
    assert strongest_features(features, {}, PHOTOS) is None
