"""Grad-CAM against its closed form, and the maps of a member's fold models."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from chajong.encoders.image_model import ImageModel
from chajong.members.backbone.backbone import BackboneClassifier
from chajong.members.backbone.grad_cam import grad_cam
from chajong.members.backbone.pooled import PooledClassifier, fit_discriminant

ROWS, COLUMNS, CHANNELS, PREFIX = 2, 3, 4, 2


class FlatNetwork(torch.nn.Module):
    """Cuts photos of 2 x 3 pixels into features of one layout or another, and averages them."""

    head_hidden_size = CHANNELS
    num_prefix_tokens = PREFIX
    patch_embed = SimpleNamespace(grid_size=(ROWS, COLUMNS))

    def __init__(self, layout):
        super().__init__()
        self.layout, self.output_fmt = layout, layout
        self.mix = torch.nn.Parameter(torch.randn(3, CHANNELS))

    def forward_features(self, photos):
        by_place = photos.permute(0, 2, 3, 1) @ self.mix
        if self.layout == "NHWC":
            return by_place
        if self.layout == "NCHW":
            return by_place.permute(0, 3, 1, 2)
        prefix = 7 * torch.ones(len(photos), PREFIX, CHANNELS)
        return torch.cat([prefix, by_place.flatten(1, 2)], dim=1)

    def forward_head(self, features):
        if self.layout == "NCHW":
            return features.mean(dim=(2, 3))
        if self.layout == "NHWC":
            return features.mean(dim=(1, 2))
        return features[:, PREFIX:].mean(dim=1)

    def forward(self, photos):
        return self.forward_head(self.forward_features(photos))


@pytest.fixture
def photos():
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (6, 3, ROWS, COLUMNS), dtype=torch.uint8, generator=generator)


def pooled(layout, photos, shares=(1.0, 0.0)):
    torch.manual_seed(1)
    images = ImageModel(FlatNetwork(layout), ROWS, COLUMNS, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    classifier = BackboneClassifier(images, 5, freeze_batch_norm=False).eval()
    features = classifier.features(photos).detach()
    discriminant = fit_discriminant(features, torch.arange(6) % 3, 5)
    return PooledClassifier(classifier, discriminant, shares).eval()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "tokens"])
def test_a_linear_model_of_the_mean_has_a_closed_form(photos, layout):
    """Its log-probability rises along a channel by the class's weight less the mean weight."""
    model, asked = pooled(layout, photos), torch.tensor([0, 1, 2, 3, 4, 0])
    found = grad_cam(model, photos, asked)
    classifier = model.classifier
    by_place = classifier.normalised(photos).permute(0, 2, 3, 1) @ classifier.network.mix
    weights = classifier.head.weight
    mean_weights = classifier.log_probabilities(photos).exp() @ weights
    slopes = (weights[asked] - mean_weights) / (ROWS * COLUMNS)
    expected = torch.einsum("nd,nhwd->nhw", slopes, by_place).relu()
    assert found.shape == (6, ROWS, COLUMNS)
    assert expected.any()
    assert not expected.all()
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-4)


def test_it_explains_the_pool_that_answers(photos):
    """The discriminant alone is linear in the features, too."""
    model, asked = pooled("NCHW", photos, (0.0, 1.0)), torch.tensor([0, 1, 2, 0, 1, 2])
    weights = model.weights
    by_place = model.classifier.normalised(photos).permute(0, 2, 3, 1) @ (
        model.classifier.network.mix
    )
    probabilities = torch.softmax(model.scores(photos), dim=1)
    slopes = (weights[asked] - probabilities @ weights) / (ROWS * COLUMNS)
    expected = torch.einsum("nd,nhwd->nhw", slopes, by_place).relu()
    torch.testing.assert_close(
        grad_cam(model, photos, asked), expected.detach(), atol=1e-5, rtol=1e-4
    )


def test_weights_stay_without_gradients(photos):
    model = pooled("NCHW", photos)
    grad_cam(model, photos, torch.zeros(6, dtype=torch.int64))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_photo_that_says_nothing_for_a_class_has_an_empty_map(photos):
    model = pooled("NCHW", photos)
    model.classifier.head.weight.data.zero_()
    found = grad_cam(model, photos, torch.zeros(6, dtype=torch.int64))
    np.testing.assert_array_equal(found.numpy(), 0)
