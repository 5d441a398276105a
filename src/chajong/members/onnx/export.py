"""Heads, frozen encoders and trained classifiers as ONNX files, checked against torch at once."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from chajong.encoders.building import load_image_model
from chajong.encoders.views import features_over_views
from chajong.members.backbone.member import pooled_views, restored_models
from chajong.members.heads.checkpoint import fold_models
from chajong.members.onnx.graphs import HeadGraph, MemberGraph, PhotoGraph
from chajong.names.table import class_table
from chajong.photos.resizing import Preparation
from chajong.predictions.contract import normalise_log
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from torch import Tensor

    from chajong.encoders.parameters import PretrainedParameters
    from chajong.members.backbone.parameters import BackboneParameters
    from chajong.members.checkpoint import Checkpoint

    Photos = Tensor | tuple[Tensor, ...]
    """What a graph takes: one input, or one a member."""

AGREEMENT = 1e-4
"""Largest difference between ONNX and torch: of a log-probability, or of a feature as a share of
the largest one where that is above 1."""

OPSET = 18

LARGEST_FILE = 1_900_000_000
"""Bytes of weights above which they go into a file beside the graph: a protobuf ends at 2 GiB."""

BATCH_SIZES = (1, 3)
"""Photos of the batches that a file is checked on; it is made from a batch of another size."""

LABELS_FILE = "labels.json"

NEEDED = ("onnx", "onnxruntime", "onnxscript")

EXPORTED_LIBRARIES = ("timm", "open_clip")

POOLING = (
    "The member's answer is the mean of the log-probabilities of all files, renormalised: "
    "log_softmax(mean)."
)


class OnnxExportError(RuntimeError):
    """A model that cannot be exported or differs from torch; the message names the file."""


@dataclass(frozen=True, eq=False)
class _Export:
    """A model to export, and what its file is checked on.

    Attributes:
        file: Name of the file.
        graph: The model on the CPU.
        example: What it is traced with, one input or several.
        batches: Other inputs.
        answers: What torch says to them.
        scale: What differences are divided by.
    """

    file: str
    graph: torch.nn.Module
    example: Photos
    batches: Sequence[Photos]
    answers: list[np.ndarray]
    scale: float = 1.0


def export_heads(checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
    """Export the fold models of a light head, one file each.

    A file takes `features`, float32 [n, width] as the encoder gives them, and gives
    `log_probabilities`, float32 [n, classes]; normalisation and temperature are inside.

    Args:
        checkpoint: From `chajong.members.heads.checkpoint.heads_checkpoint`.
        folder: Receives `fold_0.onnx` and so on, and `labels.json`; made where it is absent.

    Returns:
        One row a file: `file`, `largest_difference` from torch, `bytes` with its weights, and
        `seconds`.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    _check_installed()
    configuration, proof = checkpoint.configuration, checkpoint.tensors["proof.features"]
    batches = [proof[:1], proof]
    exports = (
        _Export(
            file=f"fold_{fold}.onnx",
            graph=HeadGraph(model).eval(),
            example=proof[:1].repeat(2, 1),
            batches=batches,
            answers=[model.log_probabilities(batch) for batch in batches],
        )
        for fold, model in enumerate(fold_models(checkpoint))
    )
    features = {"type": "float32", "shape": ["n", proof.shape[1]]}
    labels = {
        "input": {"name": "features", **features, "made_by": configuration["made_by"]},
        "output": {"name": "log_probabilities", "classes": configuration["class_names"]},
        "pooling": POOLING,
    }
    return _write(exports, labels, folder)


def export_encoder(parameters: PretrainedParameters, folder: Path) -> pd.DataFrame:
    """Export a frozen encoder of timm or open_clip as `encoder.onnx`.

    It takes `photos`, uint8 [n, zooms, 3, height, width], and gives `features`, float32
    [n, zooms * features]; normalisation, mirror images and the joining of zooms are inside.

    Args:
        parameters: The encoder.
        folder: Receives the file and `labels.json`; made where it is absent.

    Returns:
        One row as `export_heads` gives them; the difference of features is a share of the largest
        one where that is above 1.

    Raises:
        EncoderError: The model is unknown, or its weights are absent or do not fit.
        OnnxExportError: It is of another library, ONNX is not installed, or the file does not
            agree with torch.
    """
    _check_installed()
    if parameters.library not in EXPORTED_LIBRARIES:
        message = (
            f"encoder.onnx: {parameters.model!r} is of {parameters.library}, and only encoders of "
            f"{' and '.join(EXPORTED_LIBRARIES)} can be exported."
        )
        raise OnnxExportError(message)
    graph, preparation = encoder_graph(parameters)
    example, *batches = random_photos(preparation)
    with torch.inference_mode():
        answers = [graph(batch).numpy() for batch in batches]
    scale = max(1.0, *(float(np.abs(answer).max()) for answer in answers))
    labels = {
        "input": photo_input(preparation),
        "output": {"name": "features", "width": answers[0].shape[1]},
        "model": parameters.model,
    }
    export = _Export("encoder.onnx", graph, example, batches, answers, scale)
    return _write([export], labels, folder)


def encoder_graph(parameters: PretrainedParameters) -> tuple[PhotoGraph, Preparation]:
    """Build an encoder of timm or open_clip, and say how photos become its input."""
    model = load_image_model(parameters)
    views = features_over_views(model, parameters)
    graph = PhotoGraph(model, views).eval().requires_grad_(requires_grad=False)
    return graph, views.preparation


def trained_graph(checkpoint: Checkpoint) -> MemberGraph:
    """Build a trained classifier with all of its fold models.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
    """
    parameters, models, preparation = _restored(checkpoint)
    folds = [
        PhotoGraph(model.cpu(), pooled_views(model, parameters), normalised=True)
        for model in models.values()
    ]
    return MemberGraph(folds, preparation)


def export_whole(graph: torch.nn.Module, export: WholeExport, folder: Path) -> pd.DataFrame:
    """Export a graph of several members as `ensemble.onnx`.

    Args:
        graph: Takes a tuple of photos, one tensor a member, and gives log-probabilities.
        export: What its inputs are, and what it has to answer.
        folder: Receives the file and `labels.json`; made where it is absent.

    Returns:
        One row as `export_heads` gives them.

    Raises:
        OnnxExportError: ONNX is not installed, or the file does not agree with `export`.
    """
    _check_installed()
    drawn = [random_photos(preparation) for preparation in export.inputs.values()]
    example, *batches = zip(*drawn, strict=True)
    answers = [export.answer(batch) for batch in batches]
    labels = {
        "inputs": [
            {**photo_input(preparation), "name": member}
            for member, preparation in export.inputs.items()
        ],
        "output": {"name": "log_probabilities", "classes": list(export.class_names)},
    }
    whole = _Export("ensemble.onnx", graph.eval(), example, batches, answers)
    return _write([whole], labels, folder)


@dataclass(frozen=True, eq=False)
class WholeExport:
    """What a file of several members is about.

    Attributes:
        inputs: How photos become the input of each member.
        class_names: What is answered.
        answer: Gives the log-probabilities that are right, float32 [n, classes].
    """

    inputs: dict[str, Preparation]
    class_names: tuple[str, ...]
    answer: Callable[[tuple[Tensor, ...]], np.ndarray]


def export_trained(checkpoint: Checkpoint, folder: Path) -> pd.DataFrame:
    """Export the fold models of a trained classifier, one file each.

    A file takes `photos`, uint8 [n, zooms, 3, height, width], and gives `log_probabilities`,
    float32 [n, classes]; normalisation, averages over views, and the discriminant are inside.

    Args:
        checkpoint: Of a backbone, or of its fusion with names.
        folder: Receives `fold_0.onnx` and so on, and `labels.json`; made where it is absent.

    Returns:
        As `export_heads`.

    Raises:
        CheckpointError: A model does not reproduce the scores that were saved with it.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    _check_installed()
    parameters, models, preparation = _restored(checkpoint)
    exports = (
        _trained_export(fold, model, parameters, preparation) for fold, model in models.items()
    )
    labels = {
        "input": photo_input(preparation),
        "output": {
            "name": "log_probabilities",
            "classes": checkpoint.configuration["class_names"],
        },
        "pooling": POOLING,
    }
    return _write(exports, labels, folder)


def _restored(checkpoint: Checkpoint) -> tuple[BackboneParameters, dict[int, Any], Preparation]:
    """Build a trained classifier's fold models, and say how photos become their input."""
    # The first name of an effective class speaks for it, and is its own.
    classes = class_table({name: name for name in checkpoint.configuration["class_names"]})
    parameters, restored = restored_models(checkpoint, classes)
    models: dict[int, Any] = dict(restored)
    height, width = next(iter(models.values())).image_size
    return parameters, models, Preparation(height, width, zoom=parameters.zoom)


def _check_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        message = (
            f"Nothing can be exported, as {' and '.join(missing)} cannot be found: "
            'run pip install "chajong[onnx]".'
        )
        raise OnnxExportError(message)


def _trained_export(
    fold: int,
    model: Any,
    parameters: BackboneParameters,
    preparation: Preparation,
) -> _Export:
    example, *batches = random_photos(preparation)
    views = pooled_views(model, parameters)
    answers = [normalise_log(views.encode_exactly(batch)) for batch in batches]
    graph = PhotoGraph(model.cpu(), views, normalised=True).eval()
    return _Export(f"fold_{fold}.onnx", graph, example, batches, answers)


def random_photos(preparation: Preparation) -> list[Tensor]:
    """Draw a batch of two photos to trace a model with, and the batches that it is checked on."""
    generator = torch.Generator().manual_seed(0)
    one = (len(preparation.zoom), 3, preparation.height, preparation.width)
    return [
        torch.randint(0, 256, (size, *one), dtype=torch.uint8, generator=generator)
        for size in (2, *BATCH_SIZES)
    ]


def photo_input(preparation: Preparation) -> dict[str, Any]:
    """Say how a photo becomes an input, for `labels.json`."""
    return {
        "name": "photos",
        "type": "uint8",
        "shape": ["n", len(preparation.zoom), 3, preparation.height, preparation.width],
        "channels": "RGB, upright, 0 to 255, not normalised",
        "zoom": list(preparation.zoom),
        "fit": preparation.fit,
        "resizing": "bicubic with antialiasing; a zoom of z keeps the middle 1/z of each side",
    }


def _write(exports: Iterable[_Export], labels: dict[str, Any], folder: Path) -> pd.DataFrame:
    """Write and check the files, in place of an earlier export once all are good."""
    with whole_folder(folder, known_by=LABELS_FILE) as unfinished:
        rows = [_export(export, labels, unfinished) for export in exports]
        described = {"files": [row["file"] for row in rows], **labels}
        text = json.dumps(described, ensure_ascii=False, indent=2)
        (unfinished / LABELS_FILE).write_text(text, encoding="utf-8")
    return pd.DataFrame(rows)


def _export(export: _Export, labels: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write one file and compare it with torch."""
    started = time.perf_counter()
    path = folder / export.file
    weights = sum(part.nbytes for part in export.graph.state_dict().values())
    try:
        program = torch.onnx.export(
            export.graph,
            (export.example,),
            input_names=[each["name"] for each in labels.get("inputs", [labels.get("input")])],
            output_names=[labels["output"]["name"]],
            dynamic_shapes=(_any_number(export.example),),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        message = f"{export.file}: torch cannot export this model: {error}"
        raise OnnxExportError(message) from error
    assert program is not None  # which only an export without dynamo gives
    program.save(path, external_data=weights > LARGEST_FILE)
    difference = _difference(path, export)
    if not difference <= AGREEMENT:  # so that NaN does not pass
        message = (
            f"{export.file} differs by {difference:.3g} from torch, more than {AGREEMENT:g}: it "
            "was not kept. Export on a machine without an accelerator, or another model."
        )
        raise OnnxExportError(message)
    return {
        "file": export.file,
        "largest_difference": difference,
        "bytes": sum(each.stat().st_size for each in folder.glob(f"{export.file}*")),
        "seconds": time.perf_counter() - started,
    }


def _any_number(example: Photos) -> Any:
    """Say that a graph takes any number of photos, of every input as many."""
    photos = {0: torch.export.Dim("n")}
    return tuple(photos for _ in example) if isinstance(example, tuple) else photos


def _difference(path: Path, export: _Export) -> float:
    """Ask onnxruntime what torch was asked, and return the largest difference."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    differences = []
    for batch, expected in zip(export.batches, export.answers, strict=True):
        parts = batch if isinstance(batch, tuple) else (batch,)
        asked = {name: part.numpy() for name, part in zip(names, parts, strict=True)}
        (given,) = session.run(None, asked)
        differences.append(np.abs(given - expected).max() / export.scale)
    return float(np.max(differences))
