"""The approaches whose predictions the ensemble reads."""

FROZEN_MEMBERS = ("hog", "timm_frozen", "clip_frozen")
"""Members that are one frozen encoder under a light head."""

MEMBERS = (*FROZEN_MEMBERS, "concat", "clip_zero_shot", "clip", "backbone", "fusion")
"""Every member, in the order in which reports name them."""
