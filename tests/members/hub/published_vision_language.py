"""Tiny vision-language models in the files and names of the published ones.

The configurations have the keys of Qwen/Qwen2.5-VL-7B-Instruct, Qwen/Qwen2-VL-2B-Instruct,
llava-hf/llava-1.5-7b-hf and Qwen/Qwen-VL-Chat, and small numbers.
"""

import re
from functools import reduce

import torch
from fake_hub import write_json, write_weights
from published_tokenizers import write_llama_tokenizer, write_qwen_tokenizer

from tools.tiny_vlm import LLAVA_TEMPLATE, QWEN_SPECIAL, QWEN_TEMPLATE

WIDTH = 64
"""Of the language models: 4-bit weights need rows in whole blocks of 64 on the CPU."""

LANGUAGE = {
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": 4096,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}
QWEN_CHANGES = ((r"^model\.visual\.", "visual."), (r"^model\.language_model\.", "model."))
LLAVA_CHANGES = (
    (r"^model\.vision_tower\.", "vision_tower.vision_model."),
    (r"^model\.multi_modal_projector\.", "multi_modal_projector."),
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
)
"""From names of the network to published ones."""

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]


def write_qwen2_5_vl(folder, form="safetensors", seed=0):
    """Write a Qwen2.5-VL."""
    vision = {
        "depth": 2,
        "hidden_act": "silu",
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "in_chans": 3,
        "out_hidden_size": WIDTH,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        "tokens_per_second": 2,
        "temporal_patch_size": 2,
    }
    _write_qwen(folder, "Qwen2_5_VL", "qwen2_5_vl", vision, form, seed, tied=False)


def write_qwen2_vl(folder, form="safetensors", seed=0):
    """Write a Qwen2-VL, whose last layer is its embedding and not in the files."""
    vision = {
        "depth": 2,
        "embed_dim": 32,
        "mlp_ratio": 2,
        "num_heads": 2,
        "in_chans": 3,
        "hidden_size": WIDTH,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    }
    _write_qwen(folder, "Qwen2VL", "qwen2_vl", vision, form, seed, tied=True)


def _write_qwen(folder, kind, model_type, vision, form, seed, *, tied):
    ids = write_qwen_tokenizer(folder, QWEN_SPECIAL, QWEN_TEMPLATE)
    configuration = {
        "architectures": [f"{kind}ForConditionalGeneration"],
        **LANGUAGE,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "max_window_layers": 2,
        "model_type": model_type,
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "tie_word_embeddings": tied,
        "transformers_version": "4.41.2",
        "use_sliding_window": False,
        "vision_config": vision,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "vocab_size": max(ids.values()) + 9,
    }
    write_json(folder / "config.json", configuration)
    write_json(
        folder / "preprocessor_config.json",
        {
            "min_pixels": 28 * 28,
            "max_pixels": 12845056,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": CLIP_MEAN,
            "image_std": CLIP_STD,
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": f"{kind}Processor",
        },
    )
    write_json(folder / "chat_template.json", {"chat_template": QWEN_TEMPLATE})
    write_json(
        folder / "generation_config.json",
        {
            "bos_token_id": ids["<|endoftext|>"],
            "pad_token_id": ids["<|endoftext|>"],
            "do_sample": True,
            "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
            "repetition_penalty": 1.05,
            "temperature": 0.000001,
            "transformers_version": "4.49.0",
        },
    )
    tensors = _tensors(folder, QWEN_CHANGES, torch.bfloat16, seed)
    if tied:
        del tensors["lm_head.weight"]
    write_weights(folder, tensors, form)


def write_llava(folder, form="safetensors", seed=0):
    """Write a LLaVA-1.5, for photos cropped to 28 x 28 pixels."""
    ids = write_llama_tokenizer(folder, ("<image>", "<pad>"))
    size = max(ids.values()) + 9
    text = {name: value for name, value in LANGUAGE.items() if name != "rms_norm_eps"}
    configuration = {
        "architectures": ["LlavaForConditionalGeneration"],
        "ignore_index": -100,
        "image_seq_length": 4,
        "image_token_index": ids["<image>"],
        "model_type": "llava",
        "pad_token_id": ids["<pad>"],
        "projector_hidden_act": "gelu",
        "text_config": {
            **text,
            "_name_or_path": "lmsys/vicuna-7b-v1.5",
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "rms_norm_eps": 1e-05,
            "torch_dtype": "float16",
            "vocab_size": size,
        },
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.36.0.dev0",
        "vision_config": {
            "hidden_size": 32,
            "image_size": 28,
            "intermediate_size": 48,
            "model_type": "clip_vision_model",
            "num_attention_heads": 2,
            "num_hidden_layers": 3,
            "patch_size": 14,
            "projection_dim": 32,
            "vocab_size": 32000,
        },
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
        "vocab_size": size,
    }
    write_json(folder / "config.json", configuration)
    write_json(
        folder / "processor_config.json",
        {
            "image_token": "<image>",
            "num_additional_image_tokens": 1,
            "patch_size": 14,
            "processor_class": "LlavaProcessor",
            "vision_feature_select_strategy": "default",
        },
    )
    write_json(folder / "preprocessor_config.json", clip_preprocessing(28, "LlavaProcessor"))
    write_json(folder / "chat_template.json", {"chat_template": LLAVA_TEMPLATE})
    write_weights(folder, _tensors(folder, LLAVA_CHANGES, torch.float16, seed), form)


def clip_preprocessing(side, processor_class="CLIPProcessor"):
    """Describe how CLIP's photos are prepared, in the words of transformers 4."""
    return {
        "crop_size": {"height": side, "width": side},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": CLIP_MEAN,
        "image_processor_type": "CLIPImageProcessor",
        "image_std": CLIP_STD,
        "processor_class": processor_class,
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": side},
    }


def random_network(folder, library_class, seed):
    """Build the network that a folder's configuration describes, with weights that matter."""
    from transformers import AutoConfig

    configuration = AutoConfig.from_pretrained(folder)
    torch.manual_seed(seed)
    network = library_class.from_config(configuration, dtype=torch.float32)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def published_names(tensors, changes):
    """Give tensors the names that published files have."""

    def renamed(name):
        return reduce(lambda known, change: re.sub(*change, known), changes, name)

    return {renamed(name): tensor for name, tensor in tensors.items()}


def _tensors(folder, changes, dtype, seed):
    from transformers import AutoModelForImageTextToText

    network = random_network(folder, AutoModelForImageTextToText, seed)
    tensors = published_names(network.state_dict(), changes)
    return {name: tensor.to(dtype) for name, tensor in tensors.items()}


def write_qwen_vl_chat(folder, form="sharded bin", seed=0):
    """Write the vision tower of a Qwen-VL-Chat, and a little of its language model."""
    visual = {
        "heads": 2,
        "image_size": 56,
        "image_start_id": 151857,
        "layers": 2,
        "mlp_ratio": 2.0,
        "output_dim": 128,
        "n_queries": 4,
        "patch_size": 14,
        "width": 32,
    }
    write_json(
        folder / "config.json",
        {
            "architectures": ["QWenLMHeadModel"],
            "auto_map": {
                "AutoConfig": "configuration_qwen.QWenConfig",
                "AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel",
            },
            "bf16": True,
            "emb_dropout_prob": 0.0,
            "hidden_size": 128,
            "model_type": "qwen",
            "num_hidden_layers": 1,
            "torch_dtype": "bfloat16",
            "transformers_version": "4.31.0",
            "visual": visual,
            "vocab_size": 64,
        },
    )
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: (torch.randn(shape, generator=generator) * 0.1).to(torch.bfloat16)
        for name, shape in qwen_vl_chat_shapes(visual).items()
    }
    write_weights(folder, tensors, form, first=LANGUAGE_SHARD)


LANGUAGE_SHARD = ["transformer.wte.weight", "transformer.h.0.ln_1.weight"]
"""The tower shares a shard with the end of the language model, and has no part in its beginning."""


def qwen_vl_chat_shapes(visual):
    """Say which tensors a Qwen-VL-Chat has.

    Source: the classes of visual.py in Qwen/Qwen-VL-Chat, and its configuration's ``visual``.
    """
    width, out = visual["width"], visual["output_dim"]
    hidden = int(width * visual["mlp_ratio"])
    block = {
        **_norm("ln_1", width),
        **_norm("ln_2", width),
        **_linear("attn.in_proj", width, 3 * width),
        **_linear("attn.out_proj", width, width),
        **_linear("mlp.c_fc", width, hidden),
        **_linear("mlp.c_proj", hidden, width),
    }
    tower = {
        "conv1.weight": (width, 3, visual["patch_size"], visual["patch_size"]),
        "positional_embedding": (256, width),
        "proj": (out, out),
        **_norm("ln_pre", width),
        **_norm("ln_post", out),
        "attn_pool.pos_embed": (visual["n_queries"], out),
        "attn_pool.query": (visual["n_queries"], out),
        "attn_pool.kv_proj.weight": (out, width),
        "attn_pool.attn.in_proj_weight": (3 * out, out),
        "attn_pool.attn.in_proj_bias": (3 * out,),
        **_linear("attn_pool.attn.out_proj", out, out),
        **_norm("attn_pool.ln_q", out),
        **_norm("attn_pool.ln_kv", out),
    }
    for layer in range(visual["layers"]):
        tower |= {f"transformer.resblocks.{layer}.{name}": shape for name, shape in block.items()}
    language = {"lm_head.weight": (64, out), "transformer.wte.weight": (64, out)}
    language |= {"transformer.h.0.ln_1.weight": (out,), "transformer.ln_f.weight": (out,)}
    return language | {f"transformer.visual.{name}": shape for name, shape in tower.items()}


def _linear(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
