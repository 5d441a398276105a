"""What of a saved ensemble can be exported to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chajong.members.registry import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.ensemble import Ensemble


def export_members(ensemble: Ensemble, folder: Path) -> pd.DataFrame:
    """Export every member that can be, each into a folder of its name.

    Heads go with their encoder where its library is timm or open_clip. CLIP's comparison with
    training photos and vision-language models are not exported.

    Args:
        ensemble: The saved ensemble.
        folder: Where the members' folders are made.

    Returns:
        One row a file: `member`, `file`, `largest_difference` to torch, `bytes` and `seconds`.

    Raises:
        FileExistsError: A member's folder holds something else than an earlier export.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    tables = []
    for member, checkpoint in ensemble.checkpoints.items():
        exported = kind_of(member, checkpoint).export_onnx(checkpoint, folder / member)
        if exported is not None:
            tables.append(exported.assign(member=member))
    return pd.concat(tables, ignore_index=True)
