from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from chajong.names.embedding import embed_names

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


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentenceTransformer with random weights and one token a letter."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789,-")
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{x}" for x in letters),
    ]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    pooling = Pooling(transformer.get_embedding_dimension())
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(folder / "model"))
    return folder / "model"


class TestSentenceTransformer:
    def test_a_local_folder_embeds_every_name(self, tiny_model: Path) -> None:
        vectors = embed_names(SIBLINGS, str(tiny_model))
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(SIBLINGS), 16)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_a_row_is_the_mean_direction_of_the_names_prompts(self, tiny_model: Path) -> None:
        from sentence_transformers import SentenceTransformer

        from chajong.names.grammar import parse_name
        from chajong.names.prompts import english_prompts

        model = SentenceTransformer(str(tiny_model), device="cpu")
        for name, row in zip(SIBLINGS, embed_names(SIBLINGS, str(tiny_model)), strict=True):
            directions = [model.encode(prompt) for prompt in english_prompts(parse_name(name))]
            mean = np.mean([each / np.linalg.norm(each) for each in directions], axis=0)
            np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)

    def test_a_missing_folder_is_named_with_the_fix(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"missing.*cannot be loaded.*'characters'"):
            embed_names(["EV6"], str(tmp_path / "missing"))
