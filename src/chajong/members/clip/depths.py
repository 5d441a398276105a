"""How deep in its tower a parameter lies, read from its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chajong.members.clip.parameters import Tower

Block = tuple[int, int]
"""Stage and block within the stage; -1 where there is no such level."""

TOWER_OF_PART: dict[str, Tower] = {
    **dict.fromkeys(("visual", "vision_model", "visual_projection"), "photo"),
    **dict.fromkeys(("text", "text_model", "text_projection"), "text"),
    **dict.fromkeys(("transformer", "token_embedding", "positional_embedding"), "text"),
    "ln_final": "text",
}
"""What open_clip and transformers call the parts of the towers."""

BLOCK = re.compile(
    r"(?:^|\.)(?:(?:resblocks|layers?|blocks|stages)\.|layer|s(?=\d+\.b\d))(?P<stage>\d+)"
    r"(?:\.(?:blocks\.|b)?(?P<block>\d+))?(?=\.|$)"
)
STEM = re.compile(
    r"embed|stem|patch|token|ln_pre|pre_?layr?norm|norm_pre|(?:^|\.)bn1\.|visual\.(?:conv|bn)\d"
    r"|(?:^|\.)conv1\."
)
POOLING = re.compile(r"attn_?pool")


def tower_of(name: str) -> Tower | None:
    """Tell which tower a parameter or module belongs to.

    Args:
        name: Its name in a model of open_clip or transformers, with any prefix.

    Returns:
        The tower, or None for what both share, such as the logit scale.
    """
    return next((TOWER_OF_PART[part] for part in name.split(".") if part in TOWER_OF_PART), None)


def block_of(name: str) -> Block | None:
    """Find the block that a parameter or module lies in.

    Args:
        name: Its name, such as ``visual.transformer.resblocks.3.mlp.c_fc.weight``.

    Returns:
        Stage and block, ordered as photos pass them, or None outside the blocks.
    """
    found = BLOCK.search(name)
    return (int(found["stage"]), int(found["block"] or -1)) if found else None


def depths_from_names(names: Iterable[str]) -> dict[str, int]:
    """Count the layers of one network.

    Args:
        names: Its parameters.

    Returns:
        0 for embeddings, stem and patches, n + 1 for the n-th block, and one more than the last
        block for everything behind the blocks.
    """
    blocks = {name: block_of(name) for name in names}
    order = sorted({block for block in blocks.values() if block is not None})
    position = {block: number for number, block in enumerate(order, start=1)}

    def depth(name: str, block: Block | None) -> int:
        if block is not None:
            return position[block]
        return 0 if STEM.search(name) and not POOLING.search(name) else len(order) + 1

    return {name: depth(name, block) for name, block in blocks.items()}


def tower_depths(names: Iterable[str]) -> dict[str, int]:
    """Count the layers of both towers so that they end at the same depth.

    The shallower tower starts later, so that blocks equally far from the end learn equally fast.

    Args:
        names: Parameters of a model of open_clip or transformers.

    Returns:
        A depth for every parameter; what both towers share has the last one.
    """
    by_tower: dict[Tower | None, list[str]] = {}
    for name in names:
        by_tower.setdefault(tower_of(name), []).append(name)
    shared = by_tower.pop(None, [])
    counts = [depths_from_names(of_tower) for of_tower in by_tower.values()]
    ends = [max(count.values()) for count in counts]
    last = max(ends, default=0)
    aligned = {
        name: depth + last - end
        for count, end in zip(counts, ends, strict=True)
        for name, depth in count.items()
    }
    return aligned | dict.fromkeys(shared, last)
