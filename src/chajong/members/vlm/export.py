"""Trained adapters in the layout of the hub, and whole models with an adapter merged in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chajong.members.checkpoint import CheckpointError
from chajong.members.proof import beyond_rounding
from chajong.members.trained.checkpoint import fold_weights
from chajong.members.vlm.adapters import ADAPTER, HEAD_FILE, add_adapters
from chajong.members.vlm.checkpoint import (
    check_base_model,
    proof_questions,
    restore_fold_model,
    write_processor,
)
from chajong.members.vlm.classifier import VlmClassifier
from chajong.members.vlm.model_card import adapter_card
from chajong.members.vlm.scoring import score_views
from chajong.training.memory import release_memory
from chajong.training.moving_average import load_trained_weights
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from chajong.members.checkpoint import Checkpoint
    from chajong.training.moving_average import Weights

CARD_FILE = "README.md"
NAMES_FILE = "classes.json"

MERGED = "fold_*_merged"
"""Folders of whole models, which are not uploaded with the adapters."""


@dataclass(frozen=True, eq=False)
class AdapterExport:
    """Adapters to be written for others.

    Attributes:
        checkpoint: From `vlm_checkpoint`, possibly saved and loaded since.
        metrics: The member's figures, for the model cards.
        merged_folds: Folds that are also written as whole models in bfloat16.
    """

    checkpoint: Checkpoint
    metrics: dict[str, Any]
    merged_folds: tuple[int, ...] = ()

    def write(self, folder: Path) -> None:
        """Write one folder a fold, each model once it has answered the proof photos as it did.

        Earlier adapters in the folder are replaced when all is written.

        Args:
            folder: Where to write; it is made.

        Raises:
            CheckpointError: A fold to be merged was not trained, the base model is another one,
                or a model does not answer as it did.
            EncoderError: The base model cannot be loaded.
            FileExistsError: The folder holds something else than earlier adapters.
        """
        self._check_folds()
        check_base_model(self.checkpoint)
        with whole_folder(folder, known_by=CARD_FILE) as unfinished:
            (unfinished / CARD_FILE).write_text(self._card(None), encoding="utf-8")
            for fold in self._trained_folds():
                self._write_fold(unfinished, fold)
                release_memory()

    def _trained_folds(self) -> list[int]:
        folds = self.checkpoint.configuration["folds"]
        return [fold for fold in folds if fold_weights(self.checkpoint, fold)]

    def _check_folds(self) -> None:
        trained = self._trained_folds()
        absent = [fold for fold in self.merged_folds if fold not in trained]
        if absent:
            message = (
                f"Fold {absent[0]} cannot be merged: the trained folds are "
                f"{', '.join(map(str, trained)) or 'none'}. Change `export.merged_folds`."
            )
            raise CheckpointError(message)

    def _card(self, fold: int | None) -> str:
        return adapter_card(self.checkpoint.configuration, self.metrics, fold)

    def _write_fold(self, made: Path, fold: int) -> None:
        """Restore one model, which is let go before the next one is loaded."""
        model = restore_fold_model(self.checkpoint, fold)
        adapters = made / f"fold_{fold}"
        self._write_beside(adapters, model)
        described = model.network.peft_config[ADAPTER]
        described.base_model_name_or_path = model.settings.model
        published = model.settings.weights == "hub"
        described.revision = model.settings.revision if published else None
        # Embeddings have no changes; peft would ask the hub whether they have.
        model.network.save_pretrained(adapters, save_embedding_layers=False)
        (adapters / CARD_FILE).write_text(self._card(fold), encoding="utf-8")
        if fold in self.merged_folds:
            self._write_merged(made / f"fold_{fold}_merged", model, fold)

    def _write_merged(self, folder: Path, model: VlmClassifier, fold: int) -> None:
        merged = merge_adapters(model, fold_weights(self.checkpoint, fold))
        for weight in merged.network.parameters():
            # Parameters alone: buffers such as the angles of positions stay exact, as when loaded.
            weight.data = weight.data.to(torch.bfloat16)
        tensors = self.checkpoint.tensors
        saved = tensors[f"proof.fold_{fold}"].numpy()
        scores = score_views(merged, tensors["proof.views"], proof_questions(self.checkpoint))
        if found := beyond_rounding(scores, saved):
            message = (
                f"The merged model of fold {fold} {found} what its adapter answers and is not "
                "written. Take the fold out of `export.merged_folds`."
            )
            raise CheckpointError(message)
        self._write_beside(folder, merged)
        merged.reader.network.save_pretrained(folder)
        difference = float(np.abs(scores - saved).max())
        card = adapter_card(self.checkpoint.configuration, self.metrics, fold, difference)
        (folder / CARD_FILE).write_text(card, encoding="utf-8")

    def _write_beside(self, folder: Path, model: VlmClassifier) -> None:
        """Write what belongs to adapters and to a whole model alike: processor, names, head."""
        from safetensors.torch import save_file

        folder.mkdir()
        write_processor(self.checkpoint, folder)
        known = {key: self.checkpoint.configuration[key] for key in ("names", "class_names")}
        text = json.dumps(known, ensure_ascii=False, indent=2)
        (folder / NAMES_FILE).write_text(text, encoding="utf-8")
        if model.head is not None:
            head = {name: part.contiguous().cpu() for name, part in model.head.state_dict().items()}
            save_file(head, folder / HEAD_FILE)


def merge_adapters(model: VlmClassifier, weights: Weights) -> VlmClassifier:
    """Merge adapters into the weights that they were trained on, those in 4 bits unpacked first.

    Merging into 4 bits, or into the published weights before they were quantised, would give
    another model. Source: Dettmers et al., QLoRA (NeurIPS 2023), section 3, for the unpacking.

    Args:
        model: A trained model; it is taken apart and not usable afterwards.
        weights: Its trained weights.

    Returns:
        The merged model in evaluation mode, in the precision of the unquantised weights.
    """
    network = model.network.unload()
    if model.settings.quantisation == "nf4":
        network = network.dequantize()
    adapted = add_adapters(network, model.settings)
    merged = VlmClassifier(
        adapted, model.reader.processor, model.names, model.settings, model.image_size
    )
    merged.to(network.device).eval()
    load_trained_weights(merged, weights)
    merged.network = adapted.merge_and_unload()
    return merged
