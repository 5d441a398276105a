"""Vision-language models of real architectures, a few thousand weights each, with processors."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessor,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

QWEN_TEMPLATE = """{% for message in messages %}<|im_start|>{{ message['role'] }}
{% for part in message['content'] %}{% if part['type'] == 'image' %}\
<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}\
<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

LLAVA_TEMPLATE = """{% for message in messages %}USER: {% for part in message['content'] %}\
{% if part['type'] == 'image' %}<image>
{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %} ASSISTANT:"""

QWEN_WORDS = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
QWEN_WORDS += ["<|image_pad|>", "<|video_pad|>"]
LANGUAGE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.2,
}
QWEN_VISION = {"depth": 2, "num_heads": 2, "patch_size": 14, "initializer_range": 0.2}


def tokenizer_of_bytes(special):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(special)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=special[0])


def qwen(kind):
    tokenizer = tokenizer_of_bytes(QWEN_WORDS)
    ids = {word: tokenizer.convert_tokens_to_ids(word) for word in QWEN_WORDS}
    given = {
        "text_config": {
            **LANGUAGE,
            "vocab_size": len(tokenizer),
            "bos_token_id": ids["<|im_start|>"],
            "eos_token_id": ids["<|im_end|>"],
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 3, 3],
            },
        },
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }
    processing = (Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor())
    if kind == "qwen2_5_vl":
        sizes = {"hidden_size": 24, "intermediate_size": 40, "out_hidden_size": 32}
        windows = {"window_size": 56, "fullatt_block_indexes": [1]}
        config = Qwen2_5_VLConfig(vision_config={**QWEN_VISION, **sizes, **windows}, **given)
        processor = Qwen2_5_VLProcessor(*processing, chat_template=QWEN_TEMPLATE)
        return Qwen2_5_VLForConditionalGeneration(config), processor
    sizes = {"embed_dim": 24, "hidden_size": 32, "mlp_ratio": 2}
    config = Qwen2VLConfig(vision_config={**QWEN_VISION, **sizes}, **given)
    processor = Qwen2VLProcessor(*processing, chat_template=QWEN_TEMPLATE)
    return Qwen2VLForConditionalGeneration(config), processor


def llava():
    tokenizer = tokenizer_of_bytes(["<pad>", "<image>"])
    vision = CLIPVisionConfig(
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=42,
        patch_size=14,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=LlamaConfig(**LANGUAGE, vocab_size=len(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=9,
    )
    processor = LlavaProcessor(
        LlavaImageProcessor(size={"shortest_edge": 42}, crop_size={"height": 42, "width": 42}),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )
    return LlavaForConditionalGeneration(config), processor


@pytest.fixture(scope="session", params=["qwen2_5_vl", "qwen2_vl", "llava"])
def tiny_vlm(request, tmp_path_factory):
    """A whole model, its processor, and the folder of several files that both are saved in."""
    torch.manual_seed(5)
    model, processor = llava() if request.param == "llava" else qwen(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    model.eval().save_pretrained(folder, max_shard_size="20KB")
    processor.save_pretrained(folder)
    return model, processor, folder
