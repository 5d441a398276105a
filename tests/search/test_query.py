"""Photos and words as queries."""

import numpy as np
import pytest

from chajong.photos.decode import UnreadablePhotoError
from chajong.search.filters import SearchError
from chajong.search.photo_index import nearest_photos
from chajong.search.query import QueryEncoder
from chajong.search.vector_index import unit_vectors
from chajong.search.words import sentences_about


def test_a_known_photos_query_is_its_feature(queries, small_run):
    photo = small_run.test_photos()["photo_id"].iloc[0]
    query = queries.of_photo(small_run.path(photo).read_bytes())
    stored = small_run.features["clip_frozen"].rows([photo])
    cosine = unit_vectors(query[None]) @ unit_vectors(stored).T
    assert cosine[0, 0] == pytest.approx(1, abs=1e-5)


def test_a_photo_that_cannot_be_read_says_why(queries):
    with pytest.raises(UnreadablePhotoError, match="not a JPEG, PNG, WebP, BMP"):
        queries.of_photo(b"<svg/>")


def test_words_find_their_models_far_above_chance(queries, photo_index):
    """The small CLIP knows rendered cars by their names."""
    models = photo_index.photos["class_name"].unique()
    for language in ("class_name", "english"):
        words = photo_index.photos.drop_duplicates("class_name").set_index("class_name")
        right = [
            nearest_photos(
                photo_index,
                queries.of_words(model if language == "class_name" else words.loc[model, language]),
                5,
            )["class_name"]
            .eq(model)
            .any()
            for model in models
        ]
        assert np.mean(right) > 0.5


def test_a_mixed_query_goes_from_words_to_photo(queries, photo_index, small_run):
    photo = queries.of_photo(
        small_run.path(small_run.test_photos()["photo_id"].iloc[0]).read_bytes()
    )
    words = queries.of_words(photo_index.photos["class_name"].iloc[-1])

    def ranking(query):
        return nearest_photos(photo_index, query, 20)["photo_id"].tolist()

    assert ranking(queries.mixed(photo, words, 1.0)) == ranking(photo)
    assert ranking(queries.mixed(photo, words, 0.0)) == ranking(words)
    half = photo_index.vectors.vectors @ queries.mixed(photo, words, 0.5)
    alone = [photo_index.vectors.vectors @ unit_vectors(each[None])[0] for each in (photo, words)]
    correlations = [np.corrcoef(half, each)[0, 1] for each in alone]
    assert min(correlations) > 0.5


@pytest.mark.parametrize(
    ("words", "message"), [("  ", "no words"), ("차" * 201, "201 characters are too many")]
)
def test_unusable_words_are_refused(queries, words, message):
    with pytest.raises(SearchError, match=message):
        queries.of_words(words)


def test_words_too_long_for_the_model_are_refused(queries):
    with pytest.raises(SearchError, match="too long for the model"):
        queries.of_words("쏘나타 " * 45)


def test_a_known_korean_name_is_worded_in_english_too():
    sentences = sentences_about("현대 아반떼")
    assert any("Avante" in sentence for sentence in sentences)
    assert any("아반떼" in sentence for sentence in sentences)


def test_an_encoder_without_words_says_what_to_use(small_run):
    from chajong.search.photo_index import build_photo_index
    from chajong.search.vector_index import IndexParameters

    encoder = small_run.checkpoints["hog"].configuration["made_by"]["encoder"]
    index = build_photo_index(
        small_run.features["hog"],
        small_run.tables,
        small_run.store,
        encoder,
        IndexParameters(),
        thumbnail_side=16,
    )
    with pytest.raises(SearchError, match=r"HOG.* reads no words.*open_clip"):
        QueryEncoder(index).of_words("쏘나타")
