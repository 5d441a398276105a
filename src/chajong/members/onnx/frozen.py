"""Light heads with the encoder that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from chajong.encoders.building import saved_encoder
from chajong.encoders.parameters import PretrainedParameters
from chajong.members.heads.checkpoint import fold_models
from chajong.members.onnx.export import (
    EXPORTED_LIBRARIES,
    LABELS_FILE,
    encoder_graph,
    export_encoder,
    export_heads,
)
from chajong.members.onnx.graphs import HeadGraph, MemberGraph
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from pathlib import Path

    from chajong.members.checkpoint import Checkpoint

ENCODER = "encoder"
"""The folder of the encoder, beside the heads."""


def export_frozen(checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
    """Export heads and, where its library is timm or open_clip, their encoder.

    Args:
        checkpoint: Of a member under a light head.
        folder: Receives the heads, and the encoder in a folder of its own.

    Returns:
        As `export_heads`.

    Raises:
        FileExistsError: The folder holds something else than an earlier export.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    with whole_folder(folder, known_by=LABELS_FILE) as unfinished:
        tables = [export_heads(checkpoint, unfinished)]
        encoder = _encoder(checkpoint.configuration["made_by"])
        if encoder is not None:
            table = export_encoder(encoder, unfinished / ENCODER)
            tables.append(table.assign(file=f"{ENCODER}/" + table["file"]))
    return pd.concat(tables, ignore_index=True)


def frozen_graph(checkpoint: Checkpoint) -> MemberGraph | None:
    """Build heads with their encoder, None where that cannot be exported.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
    """
    parameters = _encoder(checkpoint.configuration["made_by"])
    if parameters is None:
        return None
    encoder, preparation = encoder_graph(parameters)
    folds = [HeadGraph(model) for model in fold_models(checkpoint)]
    return MemberGraph(folds, preparation, encoder)


def _encoder(made_by: dict[str, Any]) -> PretrainedParameters | None:
    """Read an encoder's parameters, None where it cannot be exported."""
    if made_by.get("encoder", {}).get("library") not in EXPORTED_LIBRARIES:
        return None
    encoder = saved_encoder(made_by["encoder"])
    return encoder if isinstance(encoder, PretrainedParameters) else None
