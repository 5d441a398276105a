"""What of a saved ensemble can be exported to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import TypeAdapter

from chajong.encoders.parameters import EncoderParameters, PretrainedParameters
from chajong.inference.onnx_export import (
    LABELS_FILE,
    export_encoder,
    export_heads,
    export_trained,
)
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.inference.ensemble import Ensemble
    from chajong.members.checkpoint import Checkpoint

TRAINED = ("backbone", "fusion")
EXPORTED_LIBRARIES = ("timm", "open_clip")


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
        if member in TRAINED:
            tables.append(export_trained(checkpoint, folder / member).assign(member=member))
        elif "made_by" in checkpoint.configuration:
            tables.append(_export_frozen(checkpoint, folder / member).assign(member=member))
    return pd.concat(tables, ignore_index=True)


def _export_frozen(checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
    """Export heads and, where it can be, the encoder that they belong to."""
    with whole_folder(folder, known_by=LABELS_FILE) as unfinished:
        tables = [export_heads(checkpoint, unfinished)]
        encoder = _encoder(checkpoint.configuration["made_by"])
        if encoder is not None:
            tables.append(export_encoder(encoder, unfinished / "encoder"))
    return pd.concat(tables, ignore_index=True)


def _encoder(made_by: dict[str, Any]) -> PretrainedParameters | None:
    """Read an encoder's parameters, None where it cannot be exported."""
    if made_by.get("encoder", {}).get("library") not in EXPORTED_LIBRARIES:
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(EncoderParameters)
    encoder: PretrainedParameters = adapter.validate_python(made_by["encoder"])
    return encoder
