import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

import onnxruntime

from chajong.encoders.building import build_encoder
from chajong.encoders.features import Features
from chajong.encoders.parameters import PretrainedParameters
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.classifier import build_fusion
from chajong.members.backbone.names import name_targets
from chajong.members.backbone.parameters import BackboneParameters, FusionParameters
from chajong.members.backbone.pooled import PooledClassifier
from chajong.members.checkpoint import CheckpointError
from chajong.members.heads import neighbours
from chajong.members.heads.checkpoint import fold_models, heads_checkpoint
from chajong.members.heads.fitted import LinearHead
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads
from chajong.members.onnx import export, graphs
from chajong.members.onnx.export import (
    AGREEMENT,
    OnnxExportError,
    export_encoder,
    export_heads,
    export_trained,
)
from chajong.members.trained.checkpoint import Proof, trained_checkpoint
from chajong.members.trained.views import views_of
from chajong.names.table import class_table
from chajong.predictions.mixture import Mixture
from chajong.training.moving_average import trained_weights

NAMES = ["K5_3세대_2020_2023", "더_뉴_그랜저_IG_2020_2023", "아이오닉5_2021_2024"]
TINY = {"model": "test_efficientnet", "weights": "random", "image_size": 32}


def answer(file, given):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (answered,) = session.run(None, {session.get_inputs()[0].name: given})
    return answered


def labels_of(folder):
    return json.loads((folder / "labels.json").read_text(encoding="utf-8"))


def photos(count, zooms=2, side=32):
    shape = (count, zooms, 3, side, side)
    generator = torch.Generator().manual_seed(9)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def heads_of(kind, **settings):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(36, 6, generator=generator) + 2 * torch.eye(3, 6).repeat(12, 1)
    search = search_heads(
        matrix,
        torch.arange(36) % 3,
        np.arange(36) // 3 % 3 - 1,
        np.ones(36, bool),
        3,
        torch.eye(3),
        HeadsParameters(kinds=kind.split("+"), **settings),
        torch.device("cpu"),
    )
    features = Features(tuple(map(str, range(36))), matrix.numpy(), "encoder", "content")
    return heads_checkpoint(search, features, NAMES, {"encoder": {"library": "hog"}})


class TestHeads:
    @pytest.mark.parametrize(
        "kind", ["prototypes", "logistic_regression", "neighbours", "prototypes+neighbours"]
    )
    @pytest.mark.parametrize("normalised", [True, False])
    def test_every_fold_answers_as_in_torch(self, tmp_path, kind, normalised):
        checkpoint = heads_of(kind, signed_square_root=normalised, l2=normalised)
        table = export_heads(checkpoint, tmp_path)
        unseen = torch.randn(7, 6, generator=torch.Generator().manual_seed(3))
        for fold, model in enumerate(fold_models(checkpoint)):
            given = answer(tmp_path / f"fold_{fold}.onnx", unseen.numpy())
            np.testing.assert_allclose(given, model.log_probabilities(unseen), atol=1e-5)
        assert table["file"].tolist() == ["fold_0.onnx", "fold_1.onnx"]
        assert table["largest_difference"].max() <= AGREEMENT

    def test_neighbours_that_are_kept_rounded_answer_as_in_torch(self, tmp_path, monkeypatch):
        monkeypatch.setattr(neighbours, "MOST_EXACT", 0)
        checkpoint = heads_of("neighbours")
        export_heads(checkpoint, tmp_path)
        unseen = torch.randn(7, 6, generator=torch.Generator().manual_seed(3))
        given = answer(tmp_path / "fold_0.onnx", unseen.numpy())
        expected = fold_models(checkpoint)[0].log_probabilities(unseen)
        np.testing.assert_allclose(given, expected, atol=1e-5)

    def test_the_labels_name_classes_and_input(self, tmp_path):
        export_heads(heads_of("prototypes"), tmp_path / "차종")
        labels = labels_of(tmp_path / "차종")
        assert labels["output"]["classes"] == NAMES
        assert labels["input"]["shape"] == ["n", 6]
        assert labels["input"]["made_by"] == {"encoder": {"library": "hog"}}
        assert labels["files"] == ["fold_0.onnx", "fold_1.onnx"]

    def test_a_damaged_checkpoint_is_not_exported(self, tmp_path):
        checkpoint = heads_of("prototypes")
        exchanged = checkpoint.tensors["fold_1.prototypes.weights"]
        damaged = checkpoint.tensors | {"fold_0.prototypes.weights": exchanged}
        with pytest.raises(CheckpointError, match="fold 0"):
            export_heads(replace(checkpoint, tensors=damaged), tmp_path)

    def test_a_file_that_differs_is_named_and_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(graphs, "VOTE_FLOOR", 0.5)
        with pytest.raises(OnnxExportError, match=r"fold_0\.onnx differs by"):
            export_heads(heads_of("neighbours"), tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_what_is_not_installed_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(export, "NEEDED", ("onnx", "no_such_library"))
        with pytest.raises(OnnxExportError, match=r"no_such_library .*chajong\[onnx\]"):
            export_heads(heads_of("prototypes"), tmp_path)


@pytest.fixture
def open_clip_folder(tmp_path):
    import open_clip

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 2, "layers": 1},
    }
    preprocessing = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "size": 32}
    folder = tmp_path / "clip"
    folder.mkdir()
    text = json.dumps({"model_cfg": config, "preprocess_cfg": preprocessing})
    (folder / "open_clip_config.json").write_text(text)
    state = open_clip.CLIP(**config).state_dict()
    save_file(
        {name: part.clone() for name, part in state.items()}, folder / "open_clip_model.safetensors"
    )
    return folder


class TestEncoder:
    @pytest.mark.parametrize(
        ("model", "side", "flip", "layers"),
        [
            ("test_efficientnet", 32, True, 1),
            ("test_efficientnet", 32, True, 3),
            ("test_vit", 160, False, 1),
        ],
    )
    def test_a_timm_model_answers_as_the_encoder(self, tmp_path, model, side, flip, layers):
        parameters = PretrainedParameters(
            library="timm", model=model, weights="random", image_size=side, flip=flip, layers=layers
        )
        table = export_encoder(parameters, tmp_path)
        given = photos(4, side=side)
        expected = build_encoder(parameters).encode(given)
        answered = answer(tmp_path / "encoder.onnx", given.numpy())
        np.testing.assert_allclose(answered, expected, atol=1e-4 * max(1, np.abs(expected).max()))
        assert table["bytes"].tolist() == [(tmp_path / "encoder.onnx").stat().st_size]

    def test_an_open_clip_tower_answers_as_the_encoder(self, tmp_path, open_clip_folder):
        parameters = PretrainedParameters(
            library="open_clip", model="own", weights=str(open_clip_folder), zoom=(1.0,)
        )
        export_encoder(parameters, tmp_path / "onnx")
        given = photos(4, zooms=1)
        expected = build_encoder(parameters).encode(given)
        answered = answer(tmp_path / "onnx" / "encoder.onnx", given.numpy())
        np.testing.assert_allclose(answered, expected, atol=1e-4 * max(1, np.abs(expected).max()))

    def test_own_normalisation_is_inside_and_the_labels_say_what_is_not(self, tmp_path):
        own = {"fit": "crop", "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "zoom": (1.0,)}
        parameters = PretrainedParameters(library="timm", **TINY, **own)
        export_encoder(parameters, tmp_path)
        given = photos(2, zooms=1)
        answered = answer(tmp_path / "encoder.onnx", given.numpy())
        np.testing.assert_allclose(answered, build_encoder(parameters).encode(given), atol=1e-4)
        described = labels_of(tmp_path)["input"]
        assert described["shape"] == ["n", 1, 3, 32, 32]
        assert (described["fit"], described["zoom"]) == ("crop", [1.0])

    def test_weights_too_large_for_one_file_lie_beside_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr(export, "LARGEST_FILE", 1000)
        parameters = PretrainedParameters(library="timm", **TINY, zoom=(1.0,))
        table = export_encoder(parameters, tmp_path)
        files = [tmp_path / "encoder.onnx", tmp_path / "encoder.onnx.data"]
        assert table["bytes"].tolist() == [sum(file.stat().st_size for file in files)]
        given = photos(2, zooms=1)
        answered = answer(files[0], given.numpy())
        np.testing.assert_allclose(answered, build_encoder(parameters).encode(given), atol=1e-4)

    def test_another_library_is_refused(self, tmp_path):
        parameters = PretrainedParameters(library="transformers", model="own")
        with pytest.raises(OnnxExportError, match="'own' is of transformers"):
            export_encoder(parameters, tmp_path)


SHARES = {"classifier": 0.6, "discriminant": 0.01}


def trained(parameters, build):
    """A checkpoint of two untrained fold models that differ in their linear layers."""
    weights, scores, discriminants = {}, {}, {}
    proof = Proof(("a", "b"), photos(2, zooms=len(parameters.zoom)))
    for fold in (0, 2):
        generator = torch.Generator().manual_seed(fold)
        model = build().eval()
        head = getattr(model, "backbone", model).head
        torch.nn.init.normal_(head.weight, std=0.5, generator=generator)
        weights[fold] = {name: part.clone() for name, part in trained_weights(model).items()}
        drawn = torch.randn(head.weight.shape, generator=generator)
        discriminant = LinearHead(drawn, drawn[:, 0].contiguous())
        for name, tensor in discriminant.tensors().items():
            discriminants[f"evidence.fold_{fold}.{name}"] = tensor
        pooled = PooledClassifier(model, discriminant, tuple(SHARES.values()))
        views = views_of(pooled, parameters, pooled.evidence)
        scores[fold] = views.encode_exactly(proof.views)
    configuration = {"model": parameters.model_dump(mode="json"), "evidence": SHARES}
    made = trained_checkpoint(weights, proof, scores, {**configuration, "class_names": NAMES})
    return replace(made, tensors={**made.tensors, **discriminants})


def pooled(checkpoint, fold):
    kinds = np.split(checkpoint.tensors[f"proof.fold_{fold}"].numpy(), 2, axis=1)
    return Mixture(tuple(SHARES.values())).log_probabilities(kinds)


class TestTrained:
    def test_every_fold_of_a_backbone_answers_as_in_torch(self, tmp_path):
        parameters = BackboneParameters(**TINY)
        checkpoint = trained(parameters, lambda: build_backbone(parameters, 3))
        table = export_trained(checkpoint, tmp_path)
        assert table["file"].tolist() == ["fold_0.onnx", "fold_2.onnx"]
        assert table["largest_difference"].max() <= AGREEMENT
        views = checkpoint.tensors["proof.views"]
        for fold in (0, 2):
            answered = answer(tmp_path / f"fold_{fold}.onnx", views.numpy())
            expected = pooled(checkpoint, fold)
            np.testing.assert_allclose(answered, expected, atol=AGREEMENT)

    @pytest.mark.parametrize("mode", ["concatenation", "weighted"])
    def test_fusion_with_names_answers_as_in_torch(self, tmp_path, mode):
        parameters = FusionParameters(**TINY, mode=mode, name_model="characters", flip=False)
        names = name_targets(class_table({name: name for name in NAMES}), "characters")
        checkpoint = trained(parameters, lambda: build_fusion(parameters, names))
        export_trained(checkpoint, tmp_path)
        answered = answer(tmp_path / "fold_2.onnx", checkpoint.tensors["proof.views"].numpy())
        expected = pooled(checkpoint, 2)
        np.testing.assert_allclose(answered, expected, atol=AGREEMENT)
        assert labels_of(tmp_path)["output"]["classes"] == NAMES
