import numpy as np
import pytest

from chajong.members.backbone.names import fusion_targets, name_targets
from chajong.members.backbone.parameters import FusionParameters
from chajong.names.embedding import embed_names
from chajong.names.table import class_table


def targets_of(*names):
    return name_targets(class_table({name: name for name in names}), "characters")


def test_the_first_name_of_an_effective_class_speaks_for_it():
    aliases = {"K5_2015_2018": "K5_2015_2018", "레이_2017": "레이_2017", "K5_다른": "K5_2015_2018"}
    shuffled = class_table(aliases).sample(frac=1, random_state=3)
    expected = embed_names(["K5_2015_2018", "레이_2017"], "characters")
    np.testing.assert_array_equal(name_targets(shuffled, "characters").embeddings, expected)


def test_attributes_number_the_values_that_names_say(names):
    assert list(names.attributes["powertrain"]) == [-1, 1, -1, 0, -1]
    maker = names.attributes["maker"]
    assert maker[0] == maker[1]
    assert len(set(maker)) == 3


def test_a_kind_with_one_value_is_dropped():
    targets = targets_of("K5_2015_2018", "K5_하이브리드_2015_2018")
    assert targets.attributes == {}


def test_years_are_standardised_over_the_names_that_have_one():
    years = targets_of("K5_2010_2013", "K5_2015_2018", "house_sparrow").years
    np.testing.assert_allclose(years, [-1, 1, np.nan])


@pytest.mark.parametrize("others", [["house_sparrow"], ["K7_2015_2016"]])
def test_one_year_teaches_nothing(others):
    assert np.isnan(targets_of("K5_2015_2018", *others).years).all()


def test_missing_parts_may_have_been_read_from_a_file(classes, names, tmp_path):
    classes.to_parquet(tmp_path / "classes.parquet")
    import pandas as pd

    read = name_targets(pd.read_parquet(tmp_path / "classes.parquet"), "characters")
    assert {kind: list(codes) for kind, codes in read.attributes.items()} == {
        kind: list(codes) for kind, codes in names.attributes.items()
    }
    np.testing.assert_array_equal(read.years, names.years)


def test_a_name_model_that_does_not_read_these_classes_is_refused(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<unknown>", "a", "photo", "of", "banana", "picture", "showing", "close", "-", "up"]
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unknown>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    static = StaticEmbedding(tokenizer, embedding_dim=4)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "names"))
    parameters = FusionParameters(model="test_byobnet", name_model=str(tmp_path / "names"))
    assert fusion_targets(class_table({"banana": "banana"}), parameters).embeddings.size
    with pytest.raises(ValueError, match=r"'사과 사진'.*or another `name_language`"):
        fusion_targets(class_table({"사과": "사과"}), parameters)
