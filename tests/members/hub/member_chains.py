"""A member from its check to new photos, by the nodes that a run lays out for it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from kedro.pipeline import Pipeline

from chajong.engine import HERE
from chajong.graph import member_nodes
from chajong.inference.member_models import MemberModels, PhotoAnswers
from chajong.members.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from chajong.members.configuration import Member, completed_blocks, merged, read_members
from chajong.members.local_weights import copy_weights, find_weights
from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts
from chajong.predictions.contract import Predictions

ONE_EPOCH = {
    "epochs": 1,
    "batch_size": 6,
    "learning_rate": 1e-3,
    "mixing": {"cutmix": 0, "mixup": 0},
}
ONE_VIEW = {"flip": False, "zoom": (1.0,)}
CLIP = ONE_VIEW | {"languages": ("english",)}
VLM = {"max_pixels": 56 * 56, "aspect_ratio": 1, "candidates": 3, "quantisation": "none"}

SMALL: dict[str, dict[str, Any]] = {
    "frozen": {"heads": {"kinds": ("prototypes",), "shrinkages": (0.3,)}},
    "zero_shot": {"model": CLIP},
    "clip": {"model": CLIP | {"wise_ft_alphas": (1.0,)}, "training": ONE_EPOCH},
    "backbone": {"model": ONE_VIEW, "training": ONE_EPOCH},
    "fusion": {"model": ONE_VIEW, "training": ONE_EPOCH},
    "vlm": {"model": VLM, "training": ONE_EPOCH | {"gradient_checkpointing": False}},
}
"""What makes a member of each kind quick: an epoch, one view, one head."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a member's run leaves.

    Attributes:
        key: What its fold models are kept under; None where none are trained.
        predictions: Its predictions.
        checkpoint: Its checkpoint, written and read back.
    """

    key: str | None
    predictions: Predictions
    checkpoint: Checkpoint

    @property
    def card(self):
        """The model card beside the checkpoint."""
        return self.checkpoint.files["README.md"].decode()


def small_member(kind: str, **settings: Any) -> Member:
    """Describe a quick member, with settings of its own, and read it."""
    blocks = {"small": merged({"kind": kind} | SMALL[kind], settings)}
    (member,) = read_members(completed_blocks(blocks))
    return member


def check_member(kind: str, tables, scratch, **settings: Any) -> None:
    """Run the first node of a quick member, which sees whether it can be had."""
    _run(small_member(kind, **settings), tables, scratch, until=1)


def run_member(kind: str, tables, scratch, **settings: Any) -> Finished:
    """Run a quick member, and write its checkpoint as the directory of an ensemble does."""
    left = _run(small_member(kind, **settings), tables, scratch)
    folder, copied = scratch / "ensemble", {}
    checkpoint = left["small.checkpoint"]
    configuration = copy_weights(checkpoint.configuration, folder, copied)
    assert not copied  # What comes from the hub is named, not copied.
    write_checkpoint(replace(checkpoint, configuration=configuration), folder)
    read = read_checkpoint(folder)
    found = replace(read, configuration=find_weights(read.configuration, folder))
    key = left.get("small.training", {}).get("key")
    return Finished(key, left["small.predictions"], found)


def _run(member: Member, tables, scratch, until: int | None = None) -> dict[str, Any]:
    """Run the nodes that its predictions and checkpoint need, and give all that is known then."""
    known = {
        "photos": tables.photos,
        "classes": tables.classes,
        "folds": tables.folds,
        "photo_store": tables.store,
        "small.scratch": scratch,
        "params:small": member.parameters,
        "params:engine": HERE,
    }
    nodes = Pipeline(list(member_nodes(member))).to_outputs("small.checkpoint").nodes
    for node in nodes[:until]:
        known |= node.run({name: known[name] for name in node.inputs})
    return known


def sentences_about(tables):
    """Give every sentence that a name model may read about the classes."""
    parsed = [parse_name(name) for name in tables.class_names]
    sentences = (korean_prompts, english_prompts)
    return ["a name", *(text for each in parsed for make in sentences for text in make(each))]


def check_served(finished: Finished, tables, more) -> None:
    """See that a process that begins later scores test photos as they were, and new photos at all.

    Args:
        finished: The member.
        tables: The photos that it was made with.
        more: A store with those photos and others.
    """
    test = tables.photos.query("split == 'test' and status == 'ok'")
    new = sorted(set(more.keys()) - set(tables.photos["sha256"]))
    assert new
    models = MemberModels({"small": finished.checkpoint}, tables.classes)
    served = PhotoAnswers(models, [*test["sha256"], *new], more).by_fold("small")
    rows = finished.predictions.rows
    assert set(served) <= set(rows["fold"])
    for fold, scores in served.items():
        chosen = (rows["split"] == "test") & (rows["fold"] == fold)
        assert rows.loc[chosen, "photo_id"].tolist() == test["photo_id"].tolist()
        expected = finished.predictions.log_probabilities[chosen.to_numpy()]
        np.testing.assert_allclose(scores[: len(test)], expected, atol=2e-4)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-4)
        assert np.ptp(scores, axis=0).max() > 0  # Photos matter.
