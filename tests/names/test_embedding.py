from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from chajong.names.embedding import NameLanguage, embed_names
from chajong.names.grammar import ParsedName, parse_name
from chajong.names.prompts import english_prompts, korean_prompts

SIBLINGS = [
    *("쏘나타_DN8_2020_2023", "소나타_DN8_2020_2023", "LF_쏘나타_2015_2017"),
    *("우루스_2020_2023", "house_sparrow"),
]


class TestCharacters:
    def test_rows_are_float32_of_length_one(self) -> None:
        vectors = embed_names(challenge_names(), "characters")
        assert vectors.dtype == np.float32
        assert vectors.shape[0] == 396
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_effective_classes_never_coincide(self) -> None:
        names = challenge_names()
        classes = list(dict.fromkeys(merge_aliases(names, CHALLENGE_ALIASES).values()))
        vectors = embed_names(classes, "characters")
        similarity = vectors @ vectors.T - 2 * np.eye(len(classes))
        assert similarity.max() < 0.9999

    def test_near_spellings_and_siblings_are_near(self) -> None:
        vectors = embed_names(SIBLINGS, "characters")
        to_sonata = vectors @ vectors[0]
        assert list(to_sonata.argsort()[::-1][:3]) == [0, 1, 2]
        assert to_sonata[1] > 0.5

    def test_jamo_make_korean_spellings_near(self) -> None:
        sorento, near, far = embed_names(["쏘렌토", "소렌토", "바나나"], "characters")
        assert sorento @ near > 2 * (sorento @ far)

    def test_normal_forms_do_not_matter(self) -> None:
        decomposed = [unicodedata.normalize("NFD", name) for name in SIBLINGS]
        np.testing.assert_array_equal(
            embed_names(SIBLINGS, "characters"), embed_names(decomposed, "characters")
        )

    def test_names_of_other_kinds_need_no_attributes(self) -> None:
        assert embed_names(["사과", "7up"], "characters").shape[0] == 2

    @pytest.mark.parametrize("names", [[], ["EV6", " "], ["___"]])
    def test_blank_names_are_refused(self, names: list[str]) -> None:
        with pytest.raises(ValueError, match="no blank one"):
            embed_names(names, "characters")


KNOWN = ["쏘나타_DN8_2020_2023", "LF_쏘나타_2015_2017", "레이_2017", "house_sparrow"]
"""Names that the lexicon puts into English."""

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,-~"
WORDS = sorted(
    {
        word
        for name in KNOWN
        for sentence in korean_prompts(parse_name(name))
        for word in sentence.split()
        if not word.isascii()
    }
)


@pytest.fixture(scope="module")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Return a maker of SentenceTransformers with random weights that know some pieces."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    @cache
    def make(kind: str, *pieces: str) -> str:
        folder = tmp_path_factory.mktemp("tiny")
        words = ["[UNK]", "[PAD]", *pieces]
        if kind == "wordpiece":
            words += [f"##{piece}" for piece in pieces if len(piece) == 1]
            numbered = {word: number for number, word in enumerate(words)}
            inside = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
        else:
            inside = Tokenizer(models.Unigram([(word, -1.0) for word in words], unk_id=0))
        inside.normalizer = normalizers.Lowercase()
        inside.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=inside, unk_token="[UNK]", pad_token="[PAD]"
        )
        config = BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
        BertModel(config).save_pretrained(folder / "bert")
        tokenizer.save_pretrained(folder / "bert")
        transformer = Transformer(str(folder / "bert"))
        pooling = Pooling(transformer.get_embedding_dimension())
        model = SentenceTransformer(modules=[transformer, pooling], device="cpu")
        model.save(str(folder / "model"))
        return str(folder / "model")

    return make


@pytest.fixture(scope="module")
def english(make_model: Callable[..., str]) -> str:
    return make_model("wordpiece", *LETTERS)


@pytest.fixture(scope="module")
def korean(make_model: Callable[..., str]) -> str:
    """It knows Korean words, and spells English ones."""
    return make_model("wordpiece", *LETTERS, *WORDS)


class TestSentenceTransformer:
    def test_a_local_folder_embeds_every_name(self, english: str) -> None:
        vectors = embed_names(KNOWN, english)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(KNOWN), 16)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    @pytest.mark.parametrize(
        ("language", "prompts"),
        [
            ("korean", korean_prompts),
            ("english", english_prompts),
            ("both", lambda name: [*korean_prompts(name), *english_prompts(name)]),
        ],
    )
    def test_a_row_is_the_mean_direction_of_the_names_prompts(
        self, korean: str, language: NameLanguage, prompts: Callable[[ParsedName], list[str]]
    ) -> None:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(korean, device="cpu")
        for name, row in zip(KNOWN, embed_names(KNOWN, korean, language=language), strict=True):
            directions = [model.encode(prompt) for prompt in prompts(parse_name(name))]
            mean = np.mean([each / np.linalg.norm(each) for each in directions], axis=0)
            np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)

    def test_a_missing_folder_is_named_with_the_fix(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"missing.*cannot be loaded.*'characters'"):
            embed_names(["EV6"], str(tmp_path / "missing"))


class TestLanguage:
    def test_it_is_the_one_that_takes_fewer_tokens(self, korean: str, english: str) -> None:
        for model, follows, differs in ((korean, "korean", "english"), (english, "english", None)):
            chosen = embed_names(KNOWN, model)
            np.testing.assert_array_equal(chosen, embed_names(KNOWN, model, language=follows))
            if differs:
                assert np.abs(chosen - embed_names(KNOWN, model, language=differs)).max() > 0.01

    def test_few_unknown_tokens_are_no_merit(self, make_model: Callable[..., str]) -> None:
        """What a tokenizer does not know is one token a word: fewer than any language takes."""
        model = make_model("unigram", *LETTERS)
        np.testing.assert_array_equal(
            embed_names(KNOWN, model), embed_names(KNOWN, model, language="english")
        )

    @pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
    @pytest.mark.parametrize("language", ["korean", "both"])
    def test_a_language_that_the_tokenizer_does_not_know_is_refused(
        self, make_model: Callable[..., str], kind: str, language: NameLanguage
    ) -> None:
        message = (
            r"in Korean it turns parts of 4 of 4 names \(100%\) into unknown tokens, as in "
            r"'현대 쏘나타.*'characters', or another `name_language`"
        )
        with pytest.raises(ValueError, match=message):
            embed_names(KNOWN, make_model(kind, *LETTERS), language=language)

    def test_a_tokenizer_that_knows_neither_is_refused(
        self, make_model: Callable[..., str]
    ) -> None:
        with pytest.raises(ValueError, match=r"in Korean it turns .*; in English it turns "):
            embed_names(KNOWN, make_model("wordpiece", "0", "1", "2"))

    def test_english_sentences_about_names_that_stay_korean_are_refused(self, english: str) -> None:
        with pytest.raises(ValueError, match=r"in English it turns parts of 2 of 2 .*'a .*소나타"):
            embed_names(["소나타_2020", "한별_다온_2015"], english)

    def test_a_model_of_word_vectors_is_read_too(self, tmp_path: Path) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding
        from tokenizers import Tokenizer, models

        numbered = {word: number for number, word in enumerate(["[UNK]", "차"])}
        tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
        model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)])
        model.save(str(tmp_path / "static"))
        with pytest.raises(ValueError, match="into unknown tokens"):
            embed_names(KNOWN, str(tmp_path / "static"))
