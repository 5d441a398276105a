"""Where labels say nothing, nothing can be learned: the loss stays above the prior's entropy.

Both ways to predict are made to remember photos: a linear layer over all pixels, and embeddings by
which every photo is like itself alone. A photo that stands in two folds would be recognised.
"""

from functools import partial

import numpy as np
import pytest
import torch
from tiny_classifier import CLASSES, UNVARIED, TinyClassifier

from chajong.encoders.extraction import encode_all
from chajong.encoders.views import ViewAverage
from chajong.members.clip import fold_models
from chajong.members.clip import member as clip_member
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.trained.member import (
    calibrated_predictions,
    join_scored,
    score_rows,
    train_member,
)
from chajong.members.trained.tables import TrainingTables
from chajong.photos.resizing import Preparation
from chajong.training.moving_average import load_trained_weights, trained_weights
from chajong.training.parameters import (
    MixingParameters,
    TrainingParameters,
)
from tools.small_clip import SmallClipParameters, make_small_clip

COUNT = 90
FOLDS = 3
SIZE = TinyClassifier.image_size
PREPARATION = Preparation(*SIZE)


class PixelClassifier(TinyClassifier):
    """Knows every photo of its training by heart."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Flatten()
        self.head = torch.nn.Linear(3 * SIZE[0] * SIZE[1], CLASSES)

    def _logits(self, photos):
        return self.head(self.layers(own_pixels(photos)))


def build_pixel_classifier():
    torch.manual_seed(7)
    return PixelClassifier()


def own_pixels(photos):
    """Take away from every channel its mean, which says what class was drawn."""
    scaled = photos.float() / 64
    return scaled - scaled.mean((2, 3), keepdim=True)


def trained_predictions(tables, folder, monkeypatch):
    parameters = TrainingParameters(
        epochs=6,
        batch_size=8,
        head_learning_rate=3e-3,
        learning_rate=3e-3,
        augmentation=UNVARIED,
        mixing=MixingParameters(cutmix=0, mixup=0),
    )
    weights, _, _ = train_member(
        lambda fold: build_pixel_classifier, {}, parameters, tables, folder, "pixels"
    )
    scored = []
    for fold, trained in weights.items():
        model = build_pixel_classifier().eval()
        load_trained_weights(model, trained)
        views = ViewAverage(model.log_probabilities, PREPARATION, flip=False, batch_size=32)
        scored.append(score_rows(fold, views, tables, "pixels"))
    return calibrated_predictions(join_scored(scored), tables)[0]


def evidence_predictions(tables, folder, monkeypatch):
    settings = SmallClipParameters(
        photo_model="test_byobnet",
        height=32,
        width=32,
        embedding=64,
        text_width=16,
        text_layers=1,
        text_heads=2,
        vocabulary=600,
        context=200,
    )
    prompts = class_prompts(tables.classes)
    sentences = [text for texts in prompts.in_languages(("korean", "english")) for text in texts]
    make_small_clip(sentences, folder, settings)
    parameters = ClipParameters(
        library="open_clip", model=f"local-dir:{folder}", weights=str(folder), wise_ft_alphas=(1.0,)
    )
    monkeypatch.setattr(fold_models, "embed_photos", embed_pixels)
    start = trained_weights(build_clip_classifier(parameters, prompts))
    training = {"key": "", "seconds": 0.0, "peak_memory_mb": 0.0}
    weights = dict.fromkeys(range(FOLDS), start)
    return clip_member.predict_folds(weights, training, parameters, tables)[0]


def embed_pixels(model, photo_ids, parameters, tables, title):
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(3 * SIZE[0] * SIZE[1], 64, generator=generator)
    views = ViewAverage(
        lambda photos: own_pixels(photos).flatten(1) @ directions,
        PREPARATION,
        flip=False,
        batch_size=32,
    )
    embedded = encode_all(tables.contents_of(photo_ids), tables.store, views, title)
    return torch.nn.functional.normalize(torch.from_numpy(embedded), dim=1)[:, None]


def shuffled(tables):
    photos = tables.photos.copy()
    train = photos["photo_id"].isin(tables.folds["photo_id"])
    names = photos.loc[train, "class_name"].to_numpy()
    photos.loc[train, "class_name"] = np.random.default_rng(1).permutation(names)
    return TrainingTables(photos, tables.classes, tables.folds, tables.store)


def with_every_photo_in_two_folds(tables):
    photos = tables.photos.set_index("photo_id")
    by_fold = [tables.folds.loc[tables.folds["fold"] == n, "photo_id"] for n in range(FOLDS)]
    count = min(len(names) for names in by_fold)
    columns = ["sha256", "class_name"]
    for names in by_fold[1:]:
        photos.loc[names[:count], columns] = photos.loc[by_fold[0][:count], columns].to_numpy()
    return TrainingTables(photos.reset_index(), tables.classes, tables.folds, tables.store)


def standard_errors_below_chance(predictions, tables):
    """Say how far the out-of-fold log loss lies below the entropy of the class prior."""
    rows = predictions.rows
    scored = ((rows["split"] == "train") & rows["label_counts"]).to_numpy()
    labels = tables.labels_of(rows["photo_id"][scored])
    losses = -predictions.log_probabilities[scored][np.arange(len(labels)), labels]
    prior = np.bincount(labels) / len(labels)
    entropy = -(prior * np.log(prior)).sum()
    return (entropy - losses.mean()) / (losses.std() / np.sqrt(len(losses)))


@pytest.fixture(scope="module")
def tables(make_tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return shuffled(make_tables(folder, count=COUNT, fold_count=FOLDS))


@pytest.fixture(params=[trained_predictions, evidence_predictions])
def predict(request, tmp_path, monkeypatch):
    return partial(request.param, folder=tmp_path, monkeypatch=monkeypatch)


def test_shuffled_labels_teach_nothing(predict, tables):
    assert standard_errors_below_chance(predict(tables), tables) < 3


def test_a_photo_in_two_folds_would_be_seen(predict, tables):
    tables = with_every_photo_in_two_folds(tables)
    assert standard_errors_below_chance(predict(tables), tables) > 3
