import numpy as np
import pytest
import torch

from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion
from chajong.members.backbone.pooled import (
    SHRINKAGE,
    PooledClassifier,
    fit_discriminant,
)


@pytest.fixture
def features():
    """Features of 60 photos of the first four of five classes, and their labels."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(60) % 4
    means = torch.randn(4, 7, generator=generator)
    return means[labels] + 0.5 * torch.randn(60, 7, generator=generator), labels


def test_the_discriminant_is_the_gaussian_model_of_one_covariance(features):
    photos, labels = (part.numpy() for part in features)
    head = fit_discriminant(*features, class_count=5)
    means = np.stack([photos[labels == number].mean(0) for number in range(4)])
    residuals = photos - means[labels]
    covariance = residuals.T @ residuals / len(photos)
    spread = np.trace(covariance) / 7 * np.eye(7)
    inverse = np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * spread)
    distances = np.stack([np.einsum("nd,de,ne->n", photos - m, inverse, photos - m) for m in means])
    scores = head.scores(features[0]).numpy()[:, :4]
    centred, expected = (s - s.mean(1, keepdims=True) for s in (scores, -0.5 * distances.T))
    scale = (centred * expected).sum() / (expected**2).sum()
    np.testing.assert_allclose(centred, scale * expected, atol=1e-4)


def test_a_class_without_photos_scores_like_the_overall_mean(features):
    head = fit_discriminant(*features, class_count=5)
    assert not head.weights[4].any()
    assert head.scores(features[0].mean(0, keepdim=True)).argmax() == 4


@pytest.mark.parametrize("mode", [None, "weighted", "concatenation"])
def test_scores_are_the_weighted_sum_of_both(
    backbone_parameters, fusion_parameters, names, batch, mode
):
    classifier = (
        build_backbone(backbone_parameters(), 5)
        if mode is None
        else build_fusion(fusion_parameters(mode=mode), names)
    ).eval()
    found = classifier.features(batch[0]).detach()
    discriminant = fit_discriminant(found, batch[1], 5)
    model = PooledClassifier(classifier, discriminant, (0.7, 0.2)).eval()
    with torch.inference_mode():
        expected = 0.7 * classifier.log_probabilities(batch[0]) + 0.2 * discriminant.scores(found)
        torch.testing.assert_close(model.scores(batch[0]), expected)
        assert model.evidence(batch[0]).shape == (8, 10)
