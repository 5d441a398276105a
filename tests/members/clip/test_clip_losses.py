"""The losses against loops over every pair of a photo and a sentence."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from chajong.members.clip.losses import clip_loss, multi_positive_contrastive

SCALE = torch.tensor(7.0)


def embeddings(count, seed):
    return normalize(torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)))


def log_softmax_of(row):
    total = math.log(sum(math.exp(value) for value in row))
    return [value - total for value in row]


def logits_of(photos, texts):
    return [
        [SCALE.item() * sum(a * b for a, b in zip(photo, text, strict=True)) for text in texts]
        for photo in photos
    ]


def obvious_one_direction(logits, rights):
    """Mean over rows of minus log softmax, averaged over what is right in the row."""
    losses = []
    for row, right in zip(logits, rights, strict=True):
        logs = log_softmax_of(row)
        total = sum(right)
        if total:
            losses.append(-sum(r / total * log for r, log in zip(right, logs, strict=True)))
        else:
            losses.append(0.0)
    return sum(losses) / len(losses)


def obvious_multi_positive(photos, texts, labels, others, shares):
    logits = logits_of(photos.tolist(), texts.tolist())
    count = len(labels)
    of_photo = [[0.0] * count for _ in range(count)]
    of_text = [[0.0] * count for _ in range(count)]
    for i in range(count):
        for j in range(count):
            for label, share in ((labels[i], shares[i]), (others[i], 1 - shares[i])):
                if labels[j] == label:
                    of_photo[i][j] += share / labels.count(label)
                    of_text[j][i] += share
    transposed = [list(column) for column in zip(*logits, strict=True)]
    return (
        obvious_one_direction(logits, of_photo) + obvious_one_direction(transposed, of_text)
    ) / 2


class TestClipLoss:
    def test_it_equals_the_obvious_loop(self):
        photos, texts = embeddings(6, 0), embeddings(6, 1)
        logits = logits_of(photos.tolist(), texts.tolist())
        own = [[float(i == j) for j in range(6)] for i in range(6)]
        transposed = [list(column) for column in zip(*logits, strict=True)]
        expected = (obvious_one_direction(logits, own) + obvious_one_direction(transposed, own)) / 2
        assert clip_loss(photos, texts, SCALE).item() == pytest.approx(expected, rel=1e-5)


class TestMultiPositive:
    @given(st.data())
    def test_it_equals_the_obvious_loop(self, data):
        count = data.draw(st.integers(2, 7))
        classes = st.lists(st.integers(0, 3), min_size=count, max_size=count)
        labels, others = data.draw(classes), data.draw(classes)
        share = st.sampled_from([0.0, 0.25, 0.6, 1.0])
        shares = data.draw(st.lists(share, min_size=count, max_size=count))
        photos, texts = embeddings(count, 2), embeddings(count, 3)
        got = multi_positive_contrastive(
            photos,
            texts,
            torch.tensor(labels),
            torch.tensor(others),
            torch.tensor(shares),
            SCALE,
        )
        expected = obvious_multi_positive(photos, texts, labels, others, shares)
        assert got.item() == pytest.approx(expected, rel=1e-4, abs=1e-5)

    def test_photos_of_different_classes_make_it_clips_own_loss(self):
        photos, texts, labels = embeddings(5, 4), embeddings(5, 5), torch.arange(5)
        torch.testing.assert_close(
            multi_positive_contrastive(photos, texts, labels, labels, torch.ones(5), SCALE),
            clip_loss(photos, texts, SCALE),
        )

    def test_a_photo_of_the_same_class_is_no_longer_a_mistake(self):
        directions = normalize(torch.eye(3))[torch.tensor([0, 0, 1])]
        labels, plain = torch.tensor([0, 0, 1]), torch.ones(3)
        scale = torch.tensor(50.0)
        contrastive = multi_positive_contrastive(
            directions, directions, labels, labels, plain, scale
        )
        lowest = 2 / 3 * math.log(2)  # the two alike share their probability evenly
        assert contrastive.item() == pytest.approx(lowest, rel=1e-5)

    def test_a_photo_without_any_right_sentence_leaves_gradients_finite(self):
        photos = embeddings(3, 6).requires_grad_()
        labels, others = torch.tensor([0, 1, 2]), torch.tensor([9, 1, 2])
        loss = multi_positive_contrastive(
            photos, embeddings(3, 7), labels, others, torch.tensor([0.0, 1.0, 1.0]), SCALE
        )
        loss.backward()
        assert photos.grad.isfinite().all()
