"""Words that the text tower's tokenizer does not know."""

import numpy as np
import pytest

from chajong.encoders.parameters import PretrainedParameters
from chajong.search.filters import SearchError
from chajong.search.words import WordEncoder, sentences_about


@pytest.fixture(scope="module")
def encoder(english_clip):
    return WordEncoder(
        PretrainedParameters(
            library="open_clip", model="english", weights=str(english_clip), zoom=(1.0,)
        )
    )


def test_sentences_that_are_not_known_have_no_part(encoder, monkeypatch):
    assert not all(sentence.isascii() for sentence in sentences_about("기아 레이"))
    found = encoder("기아 레이")
    english = [sentence for sentence in sentences_about("기아 레이") if sentence.isascii()]
    monkeypatch.setattr("chajong.search.words.sentences_about", lambda words: english)
    np.testing.assert_array_equal(found, encoder("기아 레이"))


def test_words_of_which_none_is_known_are_refused(encoder):
    with pytest.raises(SearchError, match="reads none of these words"):
        encoder("한별 다온")
