import copy
import pickle
from functools import partial

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from chajong.encoders.encoder import EncoderError
from chajong.members.backbone.backbone import build_backbone
from chajong.training.moving_average import trained_weights

MODELS = ("test_efficientnet", "test_convnext", "test_vit", "test_byobnet")


def train_steps(classifier, batch, steps=3, rate=1e-2):
    parameters = [p for p in classifier.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate)
    losses = []
    for _ in range(steps):
        loss = classifier(*batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def batch_norm_tensors(classifier):
    norms = {
        name
        for name, module in classifier.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d)
    }
    assert norms
    return {
        name: tensor.clone()
        for name, tensor in classifier.state_dict().items()
        if name.rpartition(".")[0] in norms
    }


def test_log_probabilities_are_the_networks_own_on_normalised_photos(backbone_parameters, batch):
    chosen = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}
    classifier = build_backbone(backbone_parameters(**chosen), 5).eval()
    mean, std = (torch.tensor(chosen[name]).view(3, 1, 1) for name in ("mean", "std"))
    features = classifier.network((batch[0] / 255 - mean) / std)
    expected = (features @ classifier.head.weight.T + classifier.head.bias).log_softmax(1)
    torch.testing.assert_close(classifier.log_probabilities(batch[0]), expected)


def test_the_loss_is_the_mean_over_both_labels_by_share(backbone_parameters, batch):
    classifier = build_backbone(backbone_parameters(), 5).eval()
    logs = classifier.log_probabilities(batch[0])
    expected = sum(
        -share * logs[row, first] - (1 - share) * logs[row, second]
        for row, (first, second, share) in enumerate(zip(*batch[1:], strict=True))
    )
    torch.testing.assert_close(classifier(*batch)["loss"], expected / len(logs))


def test_weights_depend_on_the_seed_only(backbone_parameters):
    build = pickle.loads(pickle.dumps(partial(build_backbone, backbone_parameters(), 5)))
    first = build().state_dict()
    torch.rand(3)
    torch.testing.assert_close(first, build().state_dict(), rtol=0, atol=0)
    other = build_backbone(backbone_parameters(seed=1), 5).state_dict()
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("model", MODELS)
def test_training_lowers_the_loss(backbone_parameters, batch, model):
    classifier = build_backbone(backbone_parameters(model=model), 5)
    losses = train_steps(classifier, batch, steps=12, rate=3e-3)
    assert losses[-1] < 0.7 * losses[0]


class TestFrozenBatchNorms:
    def test_they_stay_bitwise_equal(self, backbone_parameters, batch):
        classifier = build_backbone(backbone_parameters(freeze_batch_norm=True), 5)
        before = batch_norm_tensors(classifier)
        weight = classifier.network.conv_stem.weight.detach().clone()
        train_steps(classifier.train(), batch)
        torch.testing.assert_close(batch_norm_tensors(classifier), before, rtol=0, atol=0)
        assert not torch.equal(classifier.network.conv_stem.weight, weight)

    def test_they_move_where_they_are_not_frozen(self, backbone_parameters, batch):
        classifier = build_backbone(backbone_parameters(), 5)
        before = batch_norm_tensors(classifier)
        train_steps(classifier, batch)
        assert all(not torch.equal(t, before[n]) for n, t in batch_norm_tensors(classifier).items())

    def test_a_copy_is_frozen_too(self, backbone_parameters, batch):
        classifier = copy.deepcopy(build_backbone(backbone_parameters(freeze_batch_norm=True), 5))
        before = batch_norm_tensors(classifier)
        train_steps(classifier.train(), batch)
        torch.testing.assert_close(batch_norm_tensors(classifier), before, rtol=0, atol=0)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """Weights of a network with six stages: the stem, four blocks of layers, and the last ones."""
    from timm import create_model

    file = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(create_model("test_efficientnet", num_classes=0).state_dict(), file)
    return str(file)


class TestFrozenStages:
    @pytest.mark.parametrize("freeze_batch_norm", [False, True])
    @pytest.mark.parametrize("count", [1, 3])
    def test_they_alone_stay_as_they_were_loaded(
        self, backbone_parameters, batch, weights_file, count, freeze_batch_norm
    ):
        chosen = {"weights": weights_file, "freeze_batch_norm": freeze_batch_norm}
        classifier = build_backbone(backbone_parameters(frozen_stages=count, **chosen), 5)
        first = ("conv_stem.", "bn1.", *(f"blocks.{block}." for block in range(count - 1)))
        before = copy.deepcopy(classifier.network.state_dict())
        train_steps(classifier.train(), batch)
        after = classifier.network.state_dict()
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert not [name for name in moved if name.startswith(first)]
        convolutions = {name for name in before if name.endswith("conv_pw.weight")}
        assert {name for name in convolutions if not name.startswith(first)} <= moved

    def test_they_are_no_part_of_the_trained_weights(self, backbone_parameters, weights_file):
        chosen = {"weights": weights_file, "frozen_stages": 2, "freeze_batch_norm": True}
        trained = trained_weights(build_backbone(backbone_parameters(**chosen), 5))
        assert "network.conv_stem.weight" not in trained
        assert "network.blocks.0.0.conv.weight" not in trained

    def test_one_stage_has_to_be_trained(self, backbone_parameters, weights_file):
        parameters = backbone_parameters(weights=weights_file, frozen_stages=9)
        with pytest.raises(EncoderError, match=r"has \d stages.*set `frozen_stages` to at most"):
            build_backbone(parameters, 5)

    def test_random_weights_are_not_kept(self, backbone_parameters):
        with pytest.raises(ValidationError, match="weights=random has none"):
            backbone_parameters(frozen_stages=1)


def pretrained(parameters):
    """A classifier whose random weights count as learned."""
    classifier = build_backbone(parameters, 5)
    classifier.random_initialisation = False
    return classifier


class TestLayerDepths:
    def test_a_randomly_initialised_network_has_none(self, backbone_parameters):
        depths = build_backbone(backbone_parameters(), 5).layer_depths()
        assert set(depths.values()) == {None}

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("freeze", [False, True])
    def test_they_cover_exactly_what_is_trained(self, backbone_parameters, model, freeze):
        chosen = {"model": model, "freeze_batch_norm": freeze}
        classifier = pretrained(backbone_parameters(**chosen))
        trained = {name for name, p in classifier.named_parameters() if p.requires_grad}
        depths = classifier.layer_depths()
        assert set(depths) == trained
        assert {name for name, at in depths.items() if at is None} == {"head.weight", "head.bias"}

    @pytest.mark.parametrize("model", MODELS)
    def test_they_are_what_timms_optimiser_uses(self, backbone_parameters, model):
        from timm.optim import param_groups_layer_decay

        classifier = pretrained(backbone_parameters(model=model))
        depths = classifier.layer_depths()
        last = max(at for at in depths.values() if at is not None)
        groups = param_groups_layer_decay(classifier.network, layer_decay=0.5)
        scales = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
        for name, parameter in classifier.network.named_parameters():
            assert scales[id(parameter)] == 0.5 ** (last - depths[f"network.{name}"])

    def test_a_network_that_cannot_group_its_layers_has_them_too(
        self, backbone_parameters, monkeypatch
    ):
        classifier = pretrained(backbone_parameters())
        with_matcher = classifier.layer_depths()
        monkeypatch.delattr(type(classifier.network), "group_matcher")
        depths = classifier.layer_depths()
        assert set(depths) == set(with_matcher)
        assert depths["network.conv_stem.weight"] == 0
        assert depths["network.conv_head.weight"] > 0


class TestGradientCheckpointing:
    def test_it_leaves_gradients_as_they_are(self, backbone_parameters, batch):
        classifier = build_backbone(backbone_parameters(model="test_vit"), 5)
        gradients = []
        for enabled in (True, False):
            classifier.set_gradient_checkpointing(enabled)
            assert classifier.network.grad_checkpointing is enabled
            classifier.zero_grad()
            classifier(*batch)["loss"].backward()
            gradients.append([p.grad.clone() for p in classifier.parameters()])
        torch.testing.assert_close(*gradients)

    def test_a_network_that_cannot_names_the_setting(self, backbone_parameters, monkeypatch):
        classifier = build_backbone(backbone_parameters(), 5)

        def refuse(enable):
            assert not enable, "gradient checkpointing not supported"

        monkeypatch.setattr(classifier.network, "set_grad_checkpointing", refuse)
        classifier.set_gradient_checkpointing(enabled=False)
        with pytest.raises(EncoderError, match="'test_efficientnet' cannot compute activations"):
            classifier.set_gradient_checkpointing(enabled=True)


def test_autocast_does_not_round_logits(backbone_parameters, batch):
    model = build_backbone(backbone_parameters(), 5).eval()
    with torch.no_grad():
        model.head.weight.mul_(100)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features, found = model.features(batch[0]), model.log_probabilities(batch[0])
        assert features.dtype == torch.bfloat16
        expected = model.head(features.float()).log_softmax(1)
    torch.testing.assert_close(found, expected)
