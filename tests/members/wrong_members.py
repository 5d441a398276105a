"""What can be wrong with members of every kind, and how it is refused."""

from dataclasses import replace

import numpy as np

from chajong.encoders.encoder import EncoderError
from chajong.members.checkpoint import CheckpointError
from chajong.members.configuration import MemberError
from chajong.members.vlm.hints import HintError

UNKNOWN_CLIP = {"model": "ViT-B-31", "weights": "openai"}

REFUSALS = {
    "frozen": [
        ("byobnet", {"encoder": {"model": "test_byobnt"}}, EncoderError, "test_byobnet"),
        ("byobnet", {"encoder": {"weights": "no/where.pt"}}, EncoderError, "no/where"),
    ],
    "concat": [("joined", {"encoders": ["hogg"]}, MemberError, "did you mean hog")],
    "zero_shot": [
        ("by_names", {"model": UNKNOWN_CLIP}, EncoderError, "ViT-B-32"),
        ("by_names", {"model": {"weights": "no/where.pt"}}, EncoderError, "no/where"),
    ],
    "clip": [
        ("clip", {"model": UNKNOWN_CLIP}, EncoderError, "ViT-B-32"),
        ("clip", {"model": {"weights": "no/where.pt"}}, EncoderError, "no/where"),
    ],
    "backbone": [
        ("backbone", {"model": {"model": "test_byobnt"}}, EncoderError, "test_byobnet"),
        ("backbone", {"model": {"weights": "no/where.pt"}}, EncoderError, "no/where"),
    ],
    "fusion": [
        ("fusion", {"model": {"model": "test_byobnt"}}, EncoderError, "test_byobnet"),
        ("fusion", {"model": {"weights": "no/where.pt"}}, EncoderError, "no/where"),
        ("fusion", {"start": "hog"}, MemberError, "does not serve here"),
    ],
    "vlm": [
        ("qwen", {"model": {"model": "Qwen/No-Such", "weights": "hub"}}, EncoderError, "No-Such"),
        ("qwen", {"model": {"weights": "no/where/"}}, EncoderError, "no/where"),
        ("qwen", {"hints": {"member": "by_name"}}, MemberError, "did you mean by_names"),
    ],
}
"""By kind: which member, what is wrong with it, and how that is refused."""


def with_other_folds(run, name, folder):
    """Exchange the folds under a start that was trained on what it would be scored on."""
    folds = run.tables.folds.assign(fold=run.tables.folds["fold"].replace({0: 1, 1: 0}))
    return run.before(name, folder, replace(run.tables, folds=folds))


def with_rows_of_another_fold(run, name, folder):
    leaking = run.before(name, folder)
    [reference] = run.members[name].references.values()
    predictions = run.load(reference.member, "predictions")
    train = predictions.rows["split"] == "train"
    rows = predictions.rows.assign(fold=predictions.rows["fold"].where(~train, lambda f: 1 - f))
    leaking.give(reference.member, predictions=replace(predictions, rows=rows))
    return leaking


def with_rows_that_know_the_labels(run, name, folder):
    """Name every train photo rightly, and no photo of the calibration slice."""
    leaking = run.before(name, folder)
    [reference] = run.members[name].references.values()
    predictions = run.load(reference.member, "predictions")
    labelled = np.flatnonzero(predictions.rows["split"] != "test")
    rows = predictions.rows.iloc[labelled]
    labels = run.tables.labels_of(rows["photo_id"]) + (rows["split"] == "calibration")
    values = np.full_like(predictions.log_probabilities, np.log(0.05))
    values[:, 0] = np.log(0.9)
    values[labelled] = np.log(0.05)
    values[labelled, labels % values.shape[1]] = np.log(0.9)
    leaking.give(reference.member, predictions=replace(predictions, log_probabilities=values))
    return leaking


def with_features_of_other_photos(run, name, folder):
    photos = run.tables.photos.copy()
    readable = photos["status"] == "ok"
    photos.loc[readable, "sha256"] = np.roll(photos.loc[readable, "sha256"], 1)
    return run.before(name, folder, replace(run.tables, photos=photos))


LEAKS = {
    ("concat", "features"): [(with_features_of_other_photos, ValueError, "of other photos")],
    ("fusion", "checkpoint"): [
        (with_other_folds, CheckpointError, "trained with other photos, labels or folds")
    ],
    ("vlm", "predictions"): [
        (with_rows_of_another_fold, HintError, "was trained on that photo"),
        (with_rows_that_know_the_labels, HintError, "make them out of fold"),
    ],
}
"""By kind and what it reads of another member: wrong ones, and how they are refused."""
