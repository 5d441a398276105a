"""What is seen of a fused classifier before long work starts."""

import pytest
from chajong.pipelines.fusion_training.nodes import check_fusion
from chajong.pipelines.fusion_training.parameters import FusionMemberParameters

from chajong.members.backbone.parameters import FusionParameters
from chajong.names.table import class_table


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
    parameters = FusionMemberParameters(
        model=FusionParameters(
            model="test_byobnet", weights="random", name_model=str(tmp_path / "names")
        )
    )
    assert check_fusion(class_table({"banana": "banana"}), parameters)["identity"]
    with pytest.raises(ValueError, match=r"'사과 사진'.*or another `name_language`"):
        check_fusion(class_table({"사과": "사과"}), parameters)
