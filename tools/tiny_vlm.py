"""Tiny vision-language models with random weights, in the layout of the hub.

They are made of the real classes (configuration, network, processor, chat template), so that
whatever reads the published models reads these.

    python -m tools.tiny_vlm data/06_models/tiny_vlm
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chajong.members.vlm.questions import spoken_names
from chajong.members.vlm.templates import ENGLISH, KOREAN
from chajong.names.challenge import challenge_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

QWEN_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
LLAVA_SPECIAL = ("<unk>", "<s>", "</s>", "<image>", "<pad>")

QWEN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Source: chat_template.json of Qwen/Qwen2.5-VL-7B-Instruct, without videos and numbered photos."""

LLAVA_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ content['text'] + ' ' }}{% endfor %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""Source: chat_template.json of llava-hf/llava-1.5-7b-hf."""

VOCABULARY = 1000
WIDTH = 64
"""Of the language model: bitsandbytes unpacks 4-bit weights rightly on the CPU only where a row is
whole blocks of 64."""

VISION_WIDTH = 32
LAYERS = 2
HEADS = 4
CONTEXT = 4096
LLAVA_PHOTO = 28
PATCH = 14
SEED = 0
WEIGHT_SPREAD = 0.1
"""Wide enough that answers depend on the photo and the prompt; 0.02 gives nearly equal logits."""


def make_tiny_qwen(
    folder: Path, texts: Sequence[str], *, width: int = WIDTH, layers: int = LAYERS
) -> None:
    """Write a tiny Qwen2.5-VL.

    Photos have between 28 x 28 and 112 x 112 pixels, in their own shape.

    Args:
        folder: Where to write; it is made.
        texts: Names and prompts, which the tokenizer is learned from. Any other text can be
            spelled too.
        width: Width of the language model, a multiple of 64.
        layers: Layers of the language model.
    """
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = _tokenizer(texts, QWEN_SPECIAL, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    size = {"shortest_edge": 28 * 28, "longest_edge": 112 * 112}
    processor: Any = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=QWEN_TEMPLATE,
    )
    vision: dict[str, Any] = {
        "depth": 2,
        "hidden_size": VISION_WIDTH,
        "num_heads": 2,
        "intermediate_size": 2 * VISION_WIDTH,
    }
    vision |= {"out_hidden_size": width, "fullatt_block_indexes": [1], "window_size": 56}
    # Parts of half a head's width turn with time, height and width.
    sections = [width // HEADS // part for part in (4, 8, 8)]
    rotation = {"rope_type": "default", "mrope_section": sections, "rope_theta": 1e6}
    text = _text_configuration(tokenizer, width, layers) | {
        "rope_parameters": rotation,
        "bos_token_id": None,
    }
    tokens = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    configuration = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **tokens)
    torch.manual_seed(SEED)
    _save(Qwen2_5_VLForConditionalGeneration(configuration), processor, folder)


def make_tiny_llava(
    folder: Path, texts: Sequence[str], *, width: int = WIDTH, layers: int = LAYERS
) -> None:
    """Write a tiny LLaVA-1.5, for photos cropped to 28 x 28 pixels.

    Args:
        folder: Where to write; it is made.
        texts: Names and prompts, which the tokenizer is learned from. Any other text can be
            spelled too.
        width: Width of the language model, a multiple of 64.
        layers: Layers of the language model.
    """
    import torch
    from transformers import (
        CLIPImageProcessor,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = _tokenizer(
        texts,
        LLAVA_SPECIAL,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    processor: Any = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": LLAVA_PHOTO},
            crop_size={"height": LLAVA_PHOTO, "width": LLAVA_PHOTO},
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=LLAVA_TEMPLATE,
        num_additional_image_tokens=1,
    )
    vision: dict[str, Any] = {
        "model_type": "clip_vision_model",
        "hidden_size": VISION_WIDTH,
        "projection_dim": VISION_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * VISION_WIDTH,
    }
    vision |= {"image_size": LLAVA_PHOTO, "patch_size": PATCH}
    text = _text_configuration(tokenizer, width, layers)
    configuration = LlavaConfig(
        text_config=text | {"model_type": "llama", "bos_token_id": tokenizer.bos_token_id},
        vision_config=vision,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(LLAVA_PHOTO // PATCH) ** 2,
    )
    torch.manual_seed(SEED)
    _save(LlavaForConditionalGeneration(configuration), processor, folder)


def _text_configuration(
    tokenizer: PreTrainedTokenizerFast, width: int, layers: int
) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS // 2,
        "max_position_embeddings": CONTEXT,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _tokenizer(
    texts: Sequence[str], special: Sequence[str], **roles: str
) -> PreTrainedTokenizerFast:
    """Learn byte-level pairs (Sennrich et al., ACL 2016; on bytes as in GPT-2, 2019)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if "bos_token" in roles:
        start = roles["bos_token"]
        tokenizer.post_processor = TemplateProcessing(
            single=f"{start} $A", special_tokens=[(start, tokenizer.token_to_id(start))]
        )
    left = [token for token in special if token not in roles.values()]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=CONTEXT,
        padding_side="left",
        extra_special_tokens=left,
        **roles,
    )


def _save(network: Any, processor: Any, folder: Path) -> None:
    """Spread the weights and write everything that the hub's folders have."""
    import torch

    from chajong.whole import whole_folder

    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=WEIGHT_SPREAD)
    network.generation_config.pad_token_id = network.config.text_config.pad_token_id
    with whole_folder(folder, known_by="config.json") as unfinished:
        network.save_pretrained(unfinished)
        processor.save_pretrained(unfinished)


def texts() -> tuple[str, ...]:
    """Give what the shipped model's tokenizer learns from: the challenge's names and questions."""
    questions = [
        text
        for template in (KOREAN, ENGLISH)
        for text in (template.with_hints, template.without_hints)
    ]
    return (*spoken_names(challenge_names()), *questions)


def main() -> None:
    """Write the model that the sample's fine-tuning starts from."""
    parser = argparse.ArgumentParser(description="Write the tiny Qwen2.5-VL of the sample.")
    parser.add_argument("folder", type=Path, help="where to write")
    make_tiny_qwen(parser.parse_args().folder, texts())


if __name__ == "__main__":
    main()
