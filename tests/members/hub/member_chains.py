"""A member from its check to new photos, through the functions that the pipelines run."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from chajong.pipelines.clip_training.parameters import ClipMemberParameters, ZeroShotParameters
from chajong.pipelines.feature_extraction.parameters import EncoderMemberParameters
from chajong.pipelines.fusion_training.parameters import (
    BackboneMemberParameters,
    FusionMemberParameters,
)
from chajong.pipelines.vlm_finetune.parameters import VlmMemberParameters

from chajong.inference.member_models import MemberModels, PhotoAnswers
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from chajong.members.clip.parameters import ClipParameters
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.local_weights import copy_weights, find_weights
from chajong.members.vlm.hints import NoHints
from chajong.members.vlm.parameters import VlmClassifierParameters, VlmTrainingParameters
from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts
from chajong.pipelines.clip_training import nodes as clip_training
from chajong.pipelines.feature_extraction import nodes as feature_extraction
from chajong.pipelines.fusion_training import nodes as fusion_training
from chajong.pipelines.vlm_finetune import nodes as vlm_finetune
from chajong.predictions.contract import Predictions
from chajong.training.parameters import MixingParameters, TrainingParameters

ONE_EPOCH = {"epochs": 1, "batch_size": 6, "learning_rate": 1e-3}
PLAIN = MixingParameters(cutmix=0, mixup=0)
ONE_VIEW = {"flip": False, "zoom": (1.0,)}


@dataclass(frozen=True, eq=False)
class Finished:
    """What a member's run leaves.

    Attributes:
        member: The member's name.
        key: What its features or fold models are kept under.
        predictions: Its predictions.
        checkpoint: Its checkpoint, written and read back.
    """

    member: str
    key: str
    predictions: Predictions
    checkpoint: Checkpoint

    @property
    def card(self):
        """The model card beside the checkpoint."""
        return self.checkpoint.files["README.md"].decode()

    def serve(self, tables, contents, store) -> dict[int, np.ndarray]:
        """Let the restored fold models score photos, as a process that has just begun."""
        models = MemberModels({self.member: self.checkpoint}, tables.classes)
        return PhotoAnswers(models, contents, store).by_fold(self.member)


def run_frozen(tables, scratch, encoder, **heads: Any) -> Finished:
    """Run a frozen encoder under prototypes."""
    chosen = HeadsParameters(**{"kinds": ("prototypes",), "shrinkages": (0.3,)} | heads)
    parameters = EncoderMemberParameters(encoder=encoder, heads=chosen)
    key = feature_extraction.identify_encoder(scratch, parameters)
    features, report = feature_extraction.extract(
        tables.photos, tables.store, key, scratch, parameters
    )
    predictions, checkpoint, *_ = feature_extraction.fit_encoder_heads(
        features, report, *_tables(tables), parameters
    )
    return _finished("frozen", key, predictions, checkpoint, scratch)


def run_clip(tables, scratch, **model: Any) -> Finished:
    """Fine-tune a CLIP model for an epoch."""
    chosen = ONE_VIEW | {"languages": ("english",), "wise_ft_alphas": (1.0,)} | model
    parameters = ClipMemberParameters(model=ClipParameters(**chosen), training=_training())
    checked = clip_training.check_clip(tables.classes, parameters)
    weights, _, report = clip_training.train_clip(
        checked, *_photos(tables), tables.classes, tables.folds, scratch, parameters
    )
    predictions, checkpoint, _ = clip_training.predict_clip(
        weights, report, *_photos(tables), tables.classes, tables.folds, parameters
    )
    return _finished("clip", report["key"], predictions, checkpoint, scratch)


def run_zero_shot(tables, scratch, **model: Any) -> Finished:
    """Compare photos with the names of the classes by a CLIP model as it is."""
    chosen = ONE_VIEW | {"languages": ("english",)} | model
    parameters = ZeroShotParameters(model=ClipParameters(**chosen))
    checked = clip_training.check_zero_shot(tables.classes, parameters)
    predictions, checkpoint, *_ = clip_training.predict_zero_shot(
        checked, *_photos(tables), tables.classes, tables.folds, parameters
    )
    return _finished("clip_zero_shot", checked, predictions, checkpoint, scratch)


def run_backbone(tables, scratch, **model: Any) -> Finished:
    """Train a backbone for an epoch."""
    chosen = BackboneParameters(**ONE_VIEW | model)
    parameters = BackboneMemberParameters(model=chosen, training=_training())
    checked = fusion_training.check_backbone(parameters)
    weights, _, report = fusion_training.train_backbone(
        checked, *_photos(tables), tables.classes, tables.folds, scratch, parameters
    )
    predictions, checkpoint, _ = fusion_training.predict_backbone(
        weights, report, *_photos(tables), tables.classes, tables.folds, parameters
    )
    return _finished("backbone", report["key"], predictions, checkpoint, scratch)


def run_fusion(tables, scratch, **model: Any) -> Finished:
    """Train a backbone that knows names for an epoch."""
    chosen = FusionParameters(**ONE_VIEW | model)
    parameters = FusionMemberParameters(model=chosen, training=_training())
    checked = fusion_training.check_fusion(tables.classes, parameters)
    weights, _, report = fusion_training.train_fusion(
        checked, None, *_photos(tables), tables.classes, tables.folds, scratch, parameters
    )
    predictions, checkpoint, _ = fusion_training.predict_fusion(
        weights, report, *_photos(tables), tables.classes, tables.folds, parameters
    )
    return _finished("fusion", report["key"], predictions, checkpoint, scratch)


def vlm_parameters(**model: Any) -> VlmMemberParameters:
    """Ask a vision-language model about every name, after an epoch of training."""
    chosen = {
        "max_pixels": 56 * 56,
        "aspect_ratio": 1,
        "hints": {"member": None},
        "candidates": 3,
        "quantisation": "none",
    }
    training = VlmTrainingParameters(**ONE_EPOCH | {"gradient_checkpointing": False}, mixing=PLAIN)
    return VlmMemberParameters(model=VlmClassifierParameters(**chosen | model), training=training)


def run_vlm(tables, scratch, **model: Any) -> Finished:
    """Fine-tune a vision-language model for an epoch, and ask it about every name."""
    parameters = vlm_parameters(**model)
    checked = vlm_finetune.check_vlm(parameters)
    weights, _, report = vlm_finetune.train_vlm(
        checked, NoHints(), *_photos(tables), tables.classes, tables.folds, scratch, parameters
    )
    predictions, checkpoint, _ = vlm_finetune.predict_vlm(
        weights, report, NoHints(), *_photos(tables), tables.classes, tables.folds, parameters
    )
    return _finished("vlm", report["key"], predictions, checkpoint, scratch)


def sentences_about(tables):
    """Give every sentence that a name model may read about the classes."""
    parsed = [parse_name(name) for name in tables.class_names]
    sentences = (korean_prompts, english_prompts)
    return ["a name", *(text for each in parsed for make in sentences for text in make(each))]


def check_served(finished: Finished, tables, more) -> None:
    """See that the restored models score test photos as they did, and new photos at all.

    Args:
        finished: The member.
        tables: The photos that it was made with.
        more: A store with those photos and others.
    """
    test = tables.photos.query("split == 'test' and status == 'ok'")
    new = sorted(set(more.keys()) - set(tables.photos["sha256"]))
    assert new
    served = finished.serve(tables, [*test["sha256"], *new], more)
    rows = finished.predictions.rows
    assert set(served) <= set(rows["fold"])
    for fold, scores in served.items():
        chosen = (rows["split"] == "test") & (rows["fold"] == fold)
        assert rows.loc[chosen, "photo_id"].tolist() == test["photo_id"].tolist()
        expected = finished.predictions.log_probabilities[chosen.to_numpy()]
        np.testing.assert_allclose(scores[: len(test)], expected, atol=2e-4)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-4)
        assert np.ptp(scores, axis=0).max() > 0  # Photos matter.


def _training() -> TrainingParameters:
    return TrainingParameters(**ONE_EPOCH, mixing=PLAIN)


def _photos(tables):
    return tables.photos, tables.store


def _tables(tables):
    return tables.photos, tables.classes, tables.folds


def _finished(member, key, predictions, checkpoint, scratch) -> Finished:
    """Write the checkpoint and read it back, as the directory of an ensemble does."""
    folder = scratch / "ensemble" / member
    copied: dict[str, str] = {}
    configuration = copy_weights(checkpoint.configuration, folder, copied)
    assert not copied  # What comes from the hub is named, not copied.
    write_checkpoint(replace(checkpoint, configuration=configuration), folder)
    read = read_checkpoint(folder)
    found = replace(read, configuration=find_weights(read.configuration, folder))
    return Finished(member, key, predictions, found)
