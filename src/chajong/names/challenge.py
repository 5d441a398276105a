"""The class names of the Hecto AI Challenge (2025 H1)."""

from __future__ import annotations

from importlib.resources import files


def challenge_names() -> list[str]:
    """Return the challenge's 396 class names in NFC, in the order of its submission file."""
    return (files(__package__) / "challenge_names.txt").read_text(encoding="utf-8").splitlines()
