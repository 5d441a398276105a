"""The node of tiny_vlm."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TinyVlm:
    """A tiny Qwen2.5-VL with random weights.

    Attributes:
        texts: What its tokenizer learns from.
    """

    texts: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write configuration, processor and weights, in the layout of the hub."""
        from chajong.members.vlm.name_scoring.tiny import make_tiny_qwen

        make_tiny_qwen(folder, self.texts)


def plan_tiny_vlm() -> TinyVlm:
    """Choose the texts that the tokenizer learns from: the challenge's names and the questions.

    Returns:
        The plan; saving it writes the model.
    """
    from chajong.members.vlm.questions import spoken_names
    from chajong.members.vlm.templates import ENGLISH, KOREAN
    from chajong.names.challenge import challenge_names

    questions = [
        text
        for template in (KOREAN, ENGLISH)
        for text in (template.with_hints, template.without_hints)
    ]
    return TinyVlm((*spoken_names(challenge_names()), *questions))
