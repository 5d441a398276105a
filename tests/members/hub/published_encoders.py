"""Tiny image models in the files and names of the published ones.

The configurations have the keys of openai/clip-vit-base-patch32, google/siglip-base-patch16-224,
facebook/dinov2-small, the repositories of laion that open_clip loads and those of timm, and small
numbers.
"""

import torch
from fake_hub import write_json, write_weights
from published_tokenizers import write_clip_tokenizer
from published_vision_language import clip_preprocessing, published_names, random_network

SIDE = 32
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
TOWER = {**SMALL, "intermediate_size": 24, "attention_dropout": 0.0, "layer_norm_eps": 1e-05}
DINOV2_CHANGES = (
    (r"attention\.q_proj", "attention.attention.query"),
    (r"attention\.k_proj", "attention.attention.key"),
    (r"attention\.v_proj", "attention.attention.value"),
    (r"attention\.o_proj", "attention.output.dense"),
)

OPEN_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": SIDE,
        "layers": 2,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 2,
    },
}
"""Photos of 32 x 32 pixels, and sentences in the tokens of CLIP, which open_clip has with it."""


def write_clip(folder, form="bin", seed=0):
    """Write a CLIP of transformers, with the position buffers that files of its time hold."""
    size = write_clip_tokenizer(folder)
    text = {
        **TOWER,
        "max_position_embeddings": 128,
        "vocab_size": size,
        "model_type": "clip_text_model",
    }
    # The published file says 2, which is no end of any sentence: the last id is meant.
    text |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "projection_dim": 16}
    vision = {**TOWER, "image_size": SIDE, "patch_size": 16, "model_type": "clip_vision_model"}
    write_json(
        folder / "config.json",
        {
            "_name_or_path": "openai/clip-vit-base-patch32",
            "architectures": ["CLIPModel"],
            "initializer_factor": 1.0,
            "logit_scale_init_value": 2.6592,
            "model_type": "clip",
            "projection_dim": 16,
            "text_config": text,
            "text_config_dict": None,
            "transformers_version": None,
            "vision_config": vision | {"projection_dim": 16},
            "vision_config_dict": None,
        },
    )
    preprocessing = clip_preprocessing(SIDE)
    # Written before sizes had names.
    preprocessing |= {
        "crop_size": SIDE,
        "size": SIDE,
        "feature_extractor_type": "CLIPFeatureExtractor",
    }
    del preprocessing["image_processor_type"], preprocessing["processor_class"]
    write_json(folder / "preprocessor_config.json", preprocessing)
    tensors = _tensors(folder, seed)
    for tower, count in (("text_model", 128), ("vision_model", (SIDE // 16) ** 2 + 1)):
        tensors[f"{tower}.embeddings.position_ids"] = torch.arange(count)[None]
    write_weights(folder, tensors, form)


def write_siglip(folder, form="safetensors", seed=0):
    """Write a SigLIP of transformers, without its tokenizer."""
    text = {**TOWER, "vocab_size": 64, "max_position_embeddings": 64}
    text |= {"projection_size": 16, "bos_token_id": 62, "eos_token_id": 1, "pad_token_id": 1}
    vision = {**TOWER, "image_size": SIDE, "patch_size": 16}
    write_json(
        folder / "config.json",
        {
            "architectures": ["SiglipModel"],
            "initializer_factor": 1.0,
            "model_type": "siglip",
            "text_config": text | {"model_type": "siglip_text_model"},
            "torch_dtype": "float32",
            "transformers_version": "4.37.0.dev0",
            "vision_config": vision | {"model_type": "siglip_vision_model"},
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_processor_type": "SiglipImageProcessor",
            "image_std": [0.5, 0.5, 0.5],
            "processor_class": "SiglipProcessor",
            "resample": 3,
            "rescale_factor": 0.00392156862745098,
            "size": {"height": SIDE, "width": SIDE},
        },
    )
    write_weights(folder, _tensors(folder, seed), form)


def write_dinov2(folder, form="safetensors", seed=0):
    """Write a DINOv2 of transformers."""
    write_json(
        folder / "config.json",
        {
            "apply_layernorm": True,
            "architectures": ["Dinov2Model"],
            "attention_probs_dropout_prob": 0.0,
            "drop_path_rate": 0.0,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.0,
            **SMALL,
            "image_size": SIDE,
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-06,
            "layerscale_value": 1.0,
            "mlp_ratio": 2,
            "model_type": "dinov2",
            "num_channels": 3,
            "out_features": ["stage2"],
            "out_indices": [2],
            "patch_size": 16,
            "qkv_bias": True,
            "reshape_hidden_states": True,
            "stage_names": ["stem", "stage1", "stage2"],
            "torch_dtype": "float32",
            "transformers_version": "4.32.0.dev0",
            "use_swiglu_ffn": False,
        },
    )
    preprocessing = clip_preprocessing(SIDE) | {"image_processor_type": "BitImageProcessor"}
    preprocessing |= {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    del preprocessing["processor_class"]
    write_json(folder / "preprocessor_config.json", preprocessing)
    tensors = published_names(_tensors(folder, seed), DINOV2_CHANGES)
    write_weights(folder, tensors, form)


def write_open_clip(folder, form="bin", seed=0, model=OPEN_CLIP):
    """Write a CLIP of open_clip, under its own file names."""
    import open_clip

    torch.manual_seed(seed)
    network = open_clip.CLIP(**{**model, "text_cfg": dict(model["text_cfg"])})
    photos = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.3, 0.35]}
    write_json(folder / "open_clip_config.json", {"model_cfg": model, "preprocess_cfg": photos})
    stem = {"bin": "open_clip_pytorch_model", "safetensors": "open_clip_model"}[form]
    write_weights(folder, network.state_dict(), form, stem)


def write_timm(folder, name, form="safetensors", seed=0):
    """Write a model of timm with its classifier of a thousand classes."""
    import timm
    from timm.models._hub import save_config_for_hf

    torch.manual_seed(seed)
    network = timm.create_model(name, num_classes=1000)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # Statistics of their own, that are lost where they are not read.
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    folder.mkdir(parents=True, exist_ok=True)
    save_config_for_hf(network, str(folder / "config.json"))
    write_weights(folder, network.state_dict(), form)
    return network.eval()


def _tensors(folder, seed):
    from transformers import AutoModel

    network = random_network(folder, AutoModel, seed)
    return dict(network.state_dict())
