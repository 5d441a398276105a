"""The approaches whose predictions the ensemble reads."""

FROZEN_MEMBERS = (
    "hog",
    "timm_frozen",
    "clip_frozen",
    "qwen_tower",
    "qwen_language",
    "qwen_vl_chat",
    "llava",
)
"""Members that are one frozen encoder under a light head."""

HINTING_MEMBERS = (*FROZEN_MEMBERS, "concat", "clip_zero_shot", "clip", "backbone", "fusion")
"""Members whose predictions can be hints for a vision-language model."""

MEMBERS = (*HINTING_MEMBERS, "vlm")
"""Every member, in the order in which reports name them."""

TRAINED_MEMBERS = ("clip", "backbone", "fusion", "vlm")
"""Members that are trained end to end, and so leave a training history."""
