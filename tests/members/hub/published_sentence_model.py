"""A tiny SentenceTransformer in the files and names of snunlp/KR-SBERT-V40K-klueNLI-augSTS."""

from string import ascii_letters, digits, punctuation

import torch
from fake_hub import write_json, write_weights
from published_tokenizers import read_json, write_bert_tokenizer
from published_vision_language import random_network

WIDTH = 16
LATIN = ascii_letters + digits + punctuation
MODULES = "sentence_transformers.models"


def write_sentence_model(folder, texts, form="bin", seed=0, *, dense=False):
    """Write a BERT whose tokens are averaged, with the position buffer that its file holds.

    Args:
        folder: Where to write; it is made.
        texts: The letters of these are known to the tokenizer, beside the Latin ones.
        form: How the weights are kept.
        seed: Seed of the weights.
        dense: Whether a layer follows the mean, as in sentence-transformers/LaBSE.
    """
    from transformers import AutoModel

    letters = sorted(set("".join(texts) + LATIN) - {" "})
    size = write_bert_tokenizer(folder, letters)
    write_json(
        folder / "config.json",
        {
            "_name_or_path": "KR-SBERT-V40K-klueNLI-augSTS",
            "architectures": ["BertModel"],
            "attention_probs_dropout_prob": 0.1,
            "gradient_checkpointing": False,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": WIDTH,
            "initializer_range": 0.02,
            "intermediate_size": 2 * WIDTH,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": 300,
            "model_type": "bert",
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "transformers_version": "4.9.2",
            "type_vocab_size": 2,
            "use_cache": True,
            "vocab_size": size,
        },
    )
    _describe_sentences(folder)
    tensors = dict(random_network(folder, AutoModel, seed).state_dict())
    tensors["embeddings.position_ids"] = torch.arange(300)[None]
    write_weights(folder, tensors, form)
    if dense:
        _add_dense(folder, form)


def _add_dense(folder, form):
    modules = read_json(folder / "modules.json")
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": f"{MODULES}.Dense"})
    write_json(folder / "modules.json", modules)
    described = {"in_features": WIDTH, "out_features": WIDTH, "bias": True}
    described["activation_function"] = "torch.nn.modules.activation.Tanh"
    write_json(folder / "2_Dense" / "config.json", described)
    layer = torch.nn.Linear(WIDTH, WIDTH)
    tensors = {f"linear.{name}": tensor for name, tensor in layer.state_dict().items()}
    write_weights(folder / "2_Dense", tensors, form)


def _describe_sentences(folder):
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{MODULES}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{MODULES}.Pooling"},
    ]
    write_json(folder / "modules.json", modules)
    pooling = {
        "word_embedding_dimension": WIDTH,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False}
    )
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.9.2", "pytorch": "1.9.0"}
    write_json(folder / "config_sentence_transformers.json", {"__version__": versions})
