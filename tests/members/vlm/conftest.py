"""The tiny model that the project ships, few photos, and a member that gives hints about them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chajong.members.kinds.vlm import VlmMemberParameters
from chajong.members.vlm.classifier import build_vlm_classifier
from chajong.members.vlm.hints import check_hints
from chajong.members.vlm.parameters import (
    HintsParameters,
    VlmClassifierParameters,
    VlmTrainingParameters,
)
from chajong.predictions.contract import Predictions, normalise_log
from chajong.training.folds import CALIBRATION

TINY = Path(__file__).parents[3] / "data" / "06_models" / "tiny_vlm"
TRAINING = {
    "epochs": 2,
    "batch_size": 6,
    "learning_rate": 1e-2,
    "gradient_checkpointing": False,
}
HINTS = HintsParameters(member="hog", count=1)


@pytest.fixture(scope="session")
def settings():
    """Return a maker of parameters for the tiny model: all of three names are asked about."""

    def make(**changes):
        given = {
            "model": "tiny_vlm",
            "weights": str(TINY),
            "max_pixels": 56 * 56,
            "aspect_ratio": 1,
            "candidates": 3,
        }
        return VlmClassifierParameters(**given | changes)

    return make


@pytest.fixture(scope="session")
def training():
    return VlmTrainingParameters(**TRAINING)


@pytest.fixture(scope="session")
def asked(settings, training):
    """Return a maker of a member of the tiny model, hinted by `hog` unless told otherwise."""

    def make(hints=HINTS, training=training, **changes):
        return VlmMemberParameters(
            kind="vlm", hints=hints, model=settings(**changes), training=training
        )

    return make


@pytest.fixture(scope="session")
def tables(make_tables, tmp_path_factory):
    return make_tables(tmp_path_factory.mktemp("tables"))


def member_of(tables, strength=1.0, seed=0):
    """A member that leans towards the truth where it has a label, out of fold."""
    generator = np.random.default_rng(seed)
    folds = sorted(set(tables.folds["fold"]) - {CALIBRATION})
    rows = pd.concat([tables.rows_of_fold(fold) for fold in folds], ignore_index=True)
    scores = generator.normal(size=(len(rows), len(tables.class_names)))
    labelled = np.flatnonzero(rows["split"] != "test")
    labels = tables.labels_of(rows["photo_id"].iloc[labelled])
    scores[labelled, labels] += strength
    return Predictions(rows, normalise_log(scores), tables.class_names, tables.contract)


@pytest.fixture(scope="session")
def hints(tables):
    return check_hints("hog", member_of(tables), tables)


@pytest.fixture
def build(settings):
    """Return what builds the tiny model anew."""

    def make(names=("K5", "K5 하이브리드", "쏘나타"), trained=True, **changes):
        return build_vlm_classifier(settings(**changes), names, trained=trained)

    return make


@pytest.fixture(scope="session")
def photos():
    """Three photos as training sees them, uint8 [3, 3, height, width]."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (3, 3, 56, 56), dtype=torch.uint8, generator=generator)
