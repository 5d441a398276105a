"""Heads, frozen encoders and trained classifiers as ONNX files, checked against torch at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from chajong.models.encoders.pretrained import PretrainedEncoder
from chajong.models.fusion.backbone import build_backbone
from chajong.models.fusion.classifier import build_fusion
from chajong.models.fusion.names import name_targets
from chajong.models.fusion.parameters import BackboneParameters, FusionParameters
from chajong.models.heads.checkpoint import fold_models
from chajong.models.trained.checkpoint import restore_fold_models
from chajong.models.trained.views import log_probability_views
from chajong.names.table import class_table
from chajong.probabilities.mixture import Mixture

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from chajong.models.checkpoint import Checkpoint
    from chajong.models.encoders.encoder import Preparation
    from chajong.models.encoders.parameters import PretrainedParameters
    from chajong.models.encoders.pretrained import ImageModel

    Reference = Callable[[Tensor], np.ndarray]
    """What the files must agree with: the answer of the same model in torch."""

AGREEMENT = 1e-4
"""Largest difference between ONNX and torch: of a log-probability, or of a feature as a share of
the largest feature where that is above 1."""

OPSET = 18
LARGEST_FILE = 1_900_000_000
"""Bytes of weights above which they go into a file of their own: a protobuf ends at 2 GiB."""

BATCH_SIZES = (1, 5)
LABELS_FILE = "labels.json"
POOLING = (
    "Average the log-probabilities of all files, and renormalise: log_softmax(mean(log_p)). "
    "That is the member's answer to a new photo."
)


class OnnxExportError(RuntimeError):
    """A model that cannot be exported, or does not agree with torch; the message names the file."""


@dataclass(frozen=True, eq=False)
class _Graph:
    """A model to export, with what its answers are checked against.

    Attributes:
        file: Name of the ONNX file.
        module: The model, on the CPU, in evaluation mode.
        reference: Answers of the model that a run uses.
        batches: What both are asked.
    """

    file: str
    module: torch.nn.Module
    reference: Reference
    batches: tuple[Tensor, ...]


def export_heads(checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
    """Export the fold models of a light head, one file each.

    Each takes `features`, float32 [n, width] as the encoder gives them, and gives
    `log_probabilities`, float32 [n, classes]; normalisation and temperature are inside.

    Args:
        checkpoint: From `chajong.models.heads.checkpoint.heads_checkpoint`.
        folder: Receives `fold_0.onnx` and so on, and `labels.json`; made where it is absent.

    Returns:
        One row a file: `file`, `largest_difference` from torch, `bytes` with weights, `seconds`.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    from chajong.inference.onnx_graphs import HeadGraph

    proof = checkpoint.tensors["proof.features"]
    graphs = [
        _Graph(
            f"fold_{fold}.onnx",
            HeadGraph(model),
            model.log_probabilities,
            tuple(proof[:size] for size in (1, len(proof))),
        )
        for fold, model in enumerate(fold_models(checkpoint))
    ]
    described = {
        "classes": checkpoint.configuration["class_names"],
        "input": {
            "name": "features",
            "type": "float32",
            "shape": ["photos", proof.shape[1]],
            "made_by": checkpoint.configuration["made_by"],
        },
        "pooling": POOLING,
    }
    return _export(graphs, "features", "log_probabilities", described, folder)


def export_encoder(parameters: PretrainedParameters, folder: Path) -> pd.DataFrame:
    """Export a frozen encoder of timm or open_clip as `encoder.onnx`.

    It takes `photos`, uint8 [n, zooms, 3, height, width], and gives `features`, float32
    [n, zooms * features]; normalisation, mirror images and the joining of zooms are inside.

    Args:
        parameters: The encoder.
        folder: Receives the file and `labels.json`; made where it is absent.

    Returns:
        As `export_heads`, one row.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
        OnnxExportError: It is of another library, ONNX is not installed, or the file does not
            agree with torch.
    """
    from chajong.inference.onnx_graphs import EncoderGraph

    uncompiled = parameters.model_copy(update={"compile": False})
    model = _image_model(uncompiled)
    model.network.eval().requires_grad_(requires_grad=False)
    encoder = PretrainedEncoder(model, uncompiled)
    batches = _random_photos(encoder.preparation)
    expected = _answers(encoder.encode_exactly if False else encoder.encode, batches)
    graph = _Graph("encoder.onnx", EncoderGraph(model, parameters), expected, batches)
    described = {"input": _described_photos(encoder.preparation), "encoder": parameters.title}
    return _export([graph], "photos", "features", described, folder)
