from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity, gelu, softplus

from chajong.encoders.encoder import EncoderError
from chajong.members.backbone.auxiliary import AttributeLoss, NameEmbeddingLoss
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion, start_from_backbone

MODES = ("concatenation", "weighted", "none")


def train(classifier, batch, steps, rate=3e-3):
    parameters = [p for p in classifier.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate)
    losses = []
    for _ in range(steps):
        loss = classifier.train()(*batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def shaken(classifier, seed=0):
    """Move every weight, so that none is still where it starts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return classifier.eval()


def reordered(names, order):
    return replace(
        names,
        embeddings=names.embeddings[order],
        attributes={kind: codes[order] for kind, codes in names.attributes.items()},
        years=names.years[order],
    )


class TestScores:
    def test_concatenation_scores_every_photo_beside_every_name(
        self, fusion_parameters, names, batch
    ):
        fusion = shaken(build_fusion(fusion_parameters(mode="concatenation"), names))
        scores, features = fusion.scores, fusion.features(batch[0])
        rows = []
        for x in features:
            plain = fusion.backbone.head(x)
            photo = gelu(scores.project_photo(x))
            beside = [
                torch.cat([photo, gelu(scores.project_name(torch.tensor(t)))])
                for t in names.embeddings
            ]
            scored = [plain[c] + scores.score(gelu(scores.hidden(beside[c]))) for c in range(5)]
            rows.append(torch.cat(scored))
        expected = torch.stack(rows).log_softmax(1)
        torch.testing.assert_close(fusion.log_probabilities(batch[0]), expected)

    def test_weighted_adds_up_likeness_to_class_and_name(self, fusion_parameters, names, batch):
        fusion = shaken(build_fusion(fusion_parameters(mode="weighted"), names))
        scores, head = fusion.scores, fusion.backbone.head
        features = fusion.features(batch[0])
        logits = torch.empty(8, 5)
        for row, x in enumerate(features):
            for c in range(5):
                described = scores.describe(torch.tensor(names.embeddings[c]))
                visual = cosine_similarity(x, head.weight[c], dim=0)
                textual = cosine_similarity(x, described, dim=0)
                weight = softplus(scores.raw_name_weights[c])
                logits[row, c] = scores.log_scale.exp() * (visual + weight * textual)
        expected = logits.log_softmax(1)
        torch.testing.assert_close(fusion.log_probabilities(batch[0]), expected)

    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(order=st.permutations(range(5)), mode=st.sampled_from(MODES))
    def test_classes_in_another_order_score_the_same(
        self, fusion_parameters, names, batch, order, mode
    ):
        order = list(order)
        parameters = fusion_parameters(mode=mode)
        fusion = shaken(build_fusion(parameters, names))
        other = shaken(build_fusion(parameters, reordered(names, order)))
        with torch.no_grad():
            other.backbone.head.weight.copy_(fusion.backbone.head.weight[order])
            other.backbone.head.bias.copy_(fusion.backbone.head.bias[order])
            if mode == "weighted":
                weights = fusion.scores.raw_name_weights[order]
                other.scores.raw_name_weights.copy_(weights)
            expected = fusion.log_probabilities(batch[0])[:, order]
            torch.testing.assert_close(other.log_probabilities(batch[0]), expected)

    @pytest.mark.parametrize("mode", ["concatenation", "weighted"])
    def test_names_enter_the_scores(self, fusion_parameters, names, batch, mode):
        parameters = fusion_parameters(mode=mode)
        fusion = shaken(build_fusion(parameters, names))
        other = shaken(build_fusion(parameters, reordered(names, [1, 0, 2, 3, 4])))
        differences = fusion.log_probabilities(batch[0]) - other.log_probabilities(batch[0])
        assert differences.abs().max() > 1e-3

    @pytest.mark.parametrize("mode", MODES)
    def test_a_label_never_reaches_the_scores(self, fusion_parameters, names, batch, mode):
        fusion = shaken(build_fusion(fusion_parameters(mode=mode), names))
        photos, labels, _, share = batch
        logs = fusion.log_probabilities(photos)
        for claimed in (labels, (labels + 1) % 5):
            loss = fusion(photos, claimed, claimed, share)["loss"]
            torch.testing.assert_close(loss, -logs[range(8), claimed].mean())

    @pytest.mark.parametrize("seed", range(4))
    def test_a_class_without_photos_is_found_by_its_name(
        self, fusion_parameters, names, batch, seed
    ):
        """The hybrid K5 has no photo; by its name it looks more like a K5 than by another name."""
        photos, labels, _, share = batch
        labels = torch.tensor([0, 2, 3, 4])[labels]
        parameters = fusion_parameters(mode="weighted", freeze_batch_norm=True, seed=seed)
        fusion = build_fusion(parameters, names)
        train(fusion, (photos, labels, labels, torch.ones_like(share)), steps=30)

        def score_under_the_name_of(index):
            fusion.scores.embeddings[1] = torch.tensor(names.embeddings[index])
            with torch.no_grad():
                features = fusion.eval().features(photos[labels == 0])
                return fusion.scores(features, fusion.backbone.head)[:, 1].mean().item()

        own, *others = [score_under_the_name_of(index) for index in (1, 2, 3, 4)]
        assert np.isfinite(own)
        assert own > np.mean(others)


class TestAuxiliaryLosses:
    def test_the_names_embedding_is_compared_by_cosine_and_share(self, names, batch):
        _, labels, others, share = batch
        torch.manual_seed(0)
        loss = NameEmbeddingLoss(6, names)
        features = torch.randn(8, 6)
        expected = 0
        for x, a, b, s in zip(features, labels, others, share, strict=True):
            first, second = (torch.tensor(names.embeddings[label]) for label in (a, b))
            predicted = loss.layer(x)
            expected += s * (1 - cosine_similarity(predicted, first, dim=0)) / 8
            expected += (1 - s) * (1 - cosine_similarity(predicted, second, dim=0)) / 8
        torch.testing.assert_close(loss(features, labels, others, share), expected)

    def test_attributes_count_where_names_say_them(self, names, batch):
        _, labels, others, share = batch
        years = np.array([0.5, np.nan, -2, 0.1, 1.4], dtype=np.float32)
        torch.manual_seed(0)
        loss = AttributeLoss(6, replace(names, years=years))
        features = torch.randn(8, 6)
        kinds = []
        for kind, layer in loss.layers.items():
            total = said = 0
            for x, a, b, s in zip(features, labels, others, share, strict=True):
                for label, weight in ((a, s), (b, 1 - s)):
                    if kind == "years" and not np.isnan(years[label]):
                        gap = (layer(x)[0] - years[label]).abs()
                        total += weight * (gap**2 / 2 if gap < 1 else gap - 0.5)
                        said += weight
                    elif kind != "years" and names.attributes[kind][label] >= 0:
                        total -= weight * layer(x).log_softmax(0)[names.attributes[kind][label]]
                        said += weight
            kinds.append(total / said)
        assert set(loss.layers) == {"maker", "generation", "powertrain", "years"}
        torch.testing.assert_close(loss(features, labels, others, share), sum(kinds) / len(kinds))

    def test_they_count_by_their_weights_and_in_training_only(
        self, fusion_parameters, names, batch
    ):
        weights = {"name_loss": 0.3, "attribute_loss": 0.2}
        fusion = build_fusion(
            fusion_parameters(mode="none", freeze_batch_norm=True, **weights), names
        )
        training, evaluation = (fusion.train(on)(*batch)["loss"] for on in (True, False))
        features = fusion.features(batch[0])
        name, attribute = (
            fusion.auxiliary[kind](features, *batch[1:]) for kind in ("name", "attribute")
        )
        torch.testing.assert_close(training - evaluation, 0.3 * name + 0.2 * attribute)

    def test_names_that_say_nothing_have_no_attribute_loss(self, batch):
        from chajong.members.backbone.names import name_targets
        from chajong.names.table import class_table

        birds = ["house_sparrow", "blue_jay", "barn_owl", "mute_swan"]
        targets = name_targets(class_table({bird: bird for bird in birds}), "characters")
        assert AttributeLoss(6, targets)(torch.randn(8, 6), *batch[1:]) == 0


class TestStartFromBackbone:
    @pytest.fixture
    def backbone(self, backbone_parameters):
        return shaken(build_backbone(backbone_parameters(seed=9), 5))

    @pytest.mark.parametrize("mode", ["concatenation", "none"])
    def test_the_scores_are_the_backbones(self, fusion_parameters, names, batch, backbone, mode):
        fusion = build_fusion(fusion_parameters(mode=mode), names)
        start_from_backbone(fusion, backbone.state_dict())
        expected = backbone.log_probabilities(batch[0])
        torch.testing.assert_close(fusion.eval().log_probabilities(batch[0]), expected)

    def test_weighted_starts_from_the_same_directions(
        self, fusion_parameters, names, batch, backbone
    ):
        fusion = build_fusion(fusion_parameters(mode="weighted"), names).eval()
        start_from_backbone(fusion, backbone.state_dict())
        with torch.no_grad():
            fusion.scores.raw_name_weights.fill_(-100)  # names count nothing
        features = backbone.features(batch[0])
        cosines = cosine_similarity(features[:, None], backbone.head.weight[None], dim=2)
        expected = (fusion.scores.log_scale.exp() * cosines).log_softmax(1)
        torch.testing.assert_close(fusion.log_probabilities(batch[0]), expected)

    def test_another_number_of_classes_is_refused(
        self, fusion_parameters, backbone_parameters, names
    ):
        state = build_backbone(backbone_parameters(), 4).state_dict()
        with pytest.raises(EncoderError, match=r"head\.weight is \(4, 256\), not \(5, 256\)"):
            start_from_backbone(build_fusion(fusion_parameters(), names), state)


@pytest.mark.parametrize("mode", MODES)
class TestTraining:
    def test_it_lowers_the_loss(self, fusion_parameters, names, batch, mode):
        losses = train(build_fusion(fusion_parameters(mode=mode), names), batch, steps=15)
        assert losses[-1] < 0.8 * losses[0]

    def test_every_trained_parameter_has_a_depth_and_a_gradient(
        self, fusion_parameters, names, batch, mode
    ):
        fusion = build_fusion(fusion_parameters(mode=mode), names)
        fusion.backbone.random_initialisation = False
        fusion(*batch)["loss"].backward()
        trained = {name: p.grad for name, p in fusion.named_parameters() if p.requires_grad}
        depths = fusion.layer_depths()
        assert set(depths) == set(trained)
        assert all(gradient is not None for gradient in trained.values())
        of_network = {name for name in trained if name.startswith("backbone.network.")}
        assert {name for name, at in depths.items() if at is not None} == of_network

    def test_losses_without_weight_have_no_parameters(self, fusion_parameters, names, batch, mode):
        parameters = fusion_parameters(mode=mode, name_loss=0, attribute_loss=0)
        fusion = build_fusion(parameters, names)
        fusion(*batch)["loss"].backward()
        assert all(p.grad is not None for p in fusion.parameters() if p.requires_grad)
        assert not [name for name in fusion.layer_depths() if name.startswith("auxiliary.")]

    def test_weights_depend_on_the_seed_only(self, fusion_parameters, names, mode):
        first, again = (build_fusion(fusion_parameters(mode=mode), names) for _ in range(2))
        torch.testing.assert_close(first.state_dict(), again.state_dict(), rtol=0, atol=0)


def test_gradient_checkpointing_reaches_the_network(fusion_parameters, names):
    fusion = build_fusion(fusion_parameters(model="test_vit"), names)
    fusion.set_gradient_checkpointing(enabled=True)
    assert fusion.backbone.network.grad_checkpointing


@pytest.mark.parametrize("mode", MODES)
def test_autocast_does_not_round_logits(fusion_parameters, names, batch, mode):
    fusion = shaken(build_fusion(fusion_parameters(mode=mode), names))
    with torch.no_grad():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features, found = fusion.features(batch[0]), fusion.log_probabilities(batch[0])
        assert features.dtype == torch.bfloat16
        expected = fusion.scores(features.float(), fusion.backbone.head).log_softmax(1)
    torch.testing.assert_close(found, expected)
