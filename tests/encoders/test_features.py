import numpy as np
import pytest

from chajong.encoders.features import Features, content_hash, features_from_table, features_to_table


@pytest.mark.parametrize("number", [np.float16, np.float32])
def test_features_come_back_from_a_table(number):
    matrix = np.random.default_rng(0).normal(size=(3, 5)).astype(number)
    features = Features(("a", "차/나.jpg", "b"), matrix, encoder="e", content="c")
    again = features_from_table(features_to_table(features))
    assert (again.photo_ids, again.encoder, again.content) == (features.photo_ids, "e", "c")
    np.testing.assert_array_equal(again.matrix, matrix)
    assert again.matrix.dtype == number


def test_rows_and_ids_must_match():
    with pytest.raises(ValueError, match=r"2 photo ids for features of shape \(3, 5\)"):
        Features(("a", "b"), np.zeros((3, 5), np.float16), encoder="e", content="c")


def test_the_content_hash_ignores_the_order_and_notices_a_change():
    assert content_hash(["a", "b"], ["1", "2"]) == content_hash(["b", "a"], ["2", "1"])
    assert content_hash(["a", "b"], ["1", "2"]) != content_hash(["a", "b"], ["2", "1"])


@pytest.fixture
def features():
    return Features(("a", "차/나.jpg", "b"), np.eye(3, dtype=np.float16), encoder="e", content="c")


def test_rows_follow_the_photos_asked_for(features):
    rows = features.rows(["b", "a", "b"])
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert rows.dtype == np.float32


def test_a_photo_without_features_is_named(features):
    with pytest.raises(KeyError, match="2 photos have no features, the first is 'x'"):
        features.rows(["x", "a", "y"])
