"""Tokenizers in the files of the hub, with no more than bytes in their vocabularies."""

import json

from fake_hub import write_json
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def write_qwen_tokenizer(folder, special, template):
    """Write bytes as GPT-2 spells them, as the repositories of Qwen2-VL do.

    Returns:
        The ids of the special tokens.
    """
    tokenizer = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate(ALPHABET)}, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    _write(tokenizer, folder)
    write_json(folder / "vocab.json", {c: n for n, c in enumerate(ALPHABET)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    configuration = {
        "add_prefix_space": False,
        "additional_special_tokens": list(special[1:]),
        "bos_token": None,
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    return _describe(tokenizer, folder, special, configuration)


def write_llama_tokenizer(folder, special):
    """Write bytes that letters fall back to, as the repository of LLaVA-1.5 does.

    Returns:
        The ids of the special tokens.
    """
    vocabulary = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256)), "▁"]
    model = models.BPE(
        vocab={token: n for n, token in enumerate(vocabulary)},
        merges=[],
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens(list(special))
    _write(tokenizer, folder)
    configuration = {
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<s>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "</s>",
        "legacy": False,
        "model_max_length": 1000000000000000019884624838656,
        "pad_token": "<pad>",
        "padding_side": "left",
        "processor_class": "LlavaProcessor",
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
        "use_default_system_prompt": False,
    }
    return _describe(tokenizer, folder, ("<unk>", "<s>", "</s>", *special), configuration)


def write_clip_tokenizer(folder):
    """Write CLIP's tokenizer without its merges, as OpenAI's repositories do.

    Returns:
        The number of its tokens, the last of which ends a sentence.
    """
    letters = [*ALPHABET, *(f"{letter}</w>" for letter in ALPHABET)]
    vocabulary = {token: n for n, token in enumerate([*letters, *CLIP_ENDS])}
    write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n")
    ends = {"bos_token": CLIP_ENDS[0], "eos_token": CLIP_ENDS[1], "pad_token": CLIP_ENDS[1]}
    write_json(folder / "special_tokens_map.json", ends | {"unk_token": CLIP_ENDS[1]})
    write_json(
        folder / "tokenizer_config.json",
        ends
        | {
            "unk_token": CLIP_ENDS[1],
            "add_prefix_space": False,
            "errors": "replace",
            "do_lower_case": True,
            "model_max_length": 128,
            "tokenizer_class": "CLIPTokenizer",
        },
    )
    return len(vocabulary)


CLIP_ENDS = ("<|startoftext|>", "<|endoftext|>")


def write_bert_tokenizer(folder, letters):
    """Write pieces of one letter each, as BERT's repositories do.

    Returns:
        The number of its tokens.
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_json(
        folder / "tokenizer_config.json",
        {
            "do_lower_case": False,
            "strip_accents": None,
            "tokenize_chinese_chars": True,
            "model_max_length": 512,
            "tokenizer_class": "BertTokenizer",
        },
    )
    return len(vocabulary)


def _write(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")


def _describe(tokenizer, folder, special, configuration):
    ids = {token: tokenizer.token_to_id(token) for token in special}
    said = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    added = {str(n): {"content": token, **said, "special": True} for token, n in ids.items()}
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": added, **configuration})
    return ids


def read_json(path):
    """Read a file of JSON."""
    return json.loads(path.read_text(encoding="utf-8"))
