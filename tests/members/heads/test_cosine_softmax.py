import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from chajong.members.heads.cosine_softmax import fit_cosine_softmax
from chajong.members.heads.whitening import class_means, whiten, within_class_covariance

SCALES = (4.0, 16.0)


def whitened_cloud(features, labels, classes):
    return whiten(features, within_class_covariance(features, labels, classes), 0.3)


def test_training_lowers_the_loss_of_the_prototypes(cloud):
    features, labels = cloud()
    whitened = whitened_cloud(features, labels, 4)
    start = normalize(class_means(whitened.directions, labels, 4)[0])
    for scale, head in zip(SCALES, fit_cosine_softmax(whitened, labels, 4, SCALES), strict=True):
        before = cross_entropy(scale * whitened.directions @ start.T, labels)
        assert cross_entropy(head.scores(features), labels) < 0.98 * before


def test_no_small_turn_of_a_direction_lowers_the_loss_much(cloud):
    features, labels = cloud()
    (head,) = fit_cosine_softmax(whitened_cloud(features, labels, 4), labels, 4, [8.0])
    cosines = normalize((features - head.centre) @ head.projection)
    loss = cross_entropy(head.scores(features), labels)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        turned = head.weights + 0.4 * torch.randn(head.weights.shape, generator=generator)
        turned = 8.0 * normalize(turned)
        assert cross_entropy(cosines @ turned.T, labels) > loss * (1 - 2e-3)


def test_weights_are_as_long_as_the_scale(cloud):
    features, labels = cloud()
    heads = fit_cosine_softmax(whitened_cloud(features, labels, 4), labels, 4, SCALES)
    for scale, head in zip(SCALES, heads, strict=True):
        torch.testing.assert_close(head.weights.norm(dim=1), torch.full((4,), scale))


@pytest.mark.parametrize("absent", [0, 2, 4])
def test_a_class_without_photos_gets_weight_zero_and_changes_no_other(cloud, absent):
    features, labels = cloud()
    present = torch.tensor([number for number in range(5) if number != absent])
    whitened = whitened_cloud(features, labels, 4)
    (without,) = fit_cosine_softmax(whitened, labels, 4, [8.0])
    (head,) = fit_cosine_softmax(whitened, present[labels], 5, [8.0])
    assert not head.weights[absent].any()
    torch.testing.assert_close(head.weights[present], without.weights)
