from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_classifier import TinyClassifier, build_tiny, labelled_photos, tiny_job

from chajong.photos.decode import decode_photo
from chajong.photos.resizing import resize_photo
from chajong.training import photo_batches, trainer
from chajong.training.engine import train
from chajong.training.trainer import mean_loss


def test_the_mean_loss_is_that_of_an_obvious_loop(tmp_path):
    photos = labelled_photos(tmp_path, 7)
    model = build_tiny().eval()
    losses = []
    for content, label in zip(photos.contents, photos.labels, strict=True):
        decoded = decode_photo(photos.store.jpeg(content), shortest_side=24)
        picture = torch.tensor(resize_photo(decoded, *TinyClassifier.image_size))
        with torch.no_grad():
            scores = model.log_probabilities(picture.permute(2, 0, 1)[None])
        losses.append(-scores[0, label].item())
    assert mean_loss(model, photos) == pytest.approx(np.mean(losses), abs=1e-5)


def test_the_mean_loss_is_that_of_evaluation_and_leaves_the_model_training(tmp_path):
    photos = labelled_photos(tmp_path, 7)
    model = build_tiny().train()
    statistics = model.state_dict()["layers.1.running_mean"].clone()
    assert mean_loss(model, photos) == mean_loss(model, photos)
    assert model.training
    assert torch.equal(model.state_dict()["layers.1.running_mean"], statistics)


def test_a_resumed_training_counts_photos_from_its_checkpoint(tmp_path, monkeypatch):
    # A clock that moves a second each time that it is read, which is once a logged step.
    monkeypatch.setattr(trainer, "time", SimpleNamespace(perf_counter=count().__next__))
    mix, batches = photo_batches.mix_batch, count()

    def interrupted(*given):
        if next(batches) == 11:
            raise KeyboardInterrupt
        return mix(*given)

    with monkeypatch.context() as patch:
        patch.setattr(photo_batches, "mix_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tiny_job(tmp_path), tmp_path / "model")
    history = train(tiny_job(tmp_path), tmp_path / "model").history
    assert [entry["step"] for entry in history] == list(range(1, 21))
    assert {entry["photos_per_second"] for entry in history} == {8.0}
