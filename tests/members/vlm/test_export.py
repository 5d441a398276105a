import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from chajong.manifest import MANIFEST
from chajong.members.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from chajong.members.trained.checkpoint import Proof, fold_weights
from chajong.members.vlm import checkpoint as checkpoint_module
from chajong.members.vlm import export as export_module
from chajong.members.vlm.base_model import load_network, load_processor
from chajong.members.vlm.checkpoint import restore_fold_model, vlm_checkpoint
from chajong.members.vlm.classifier import VlmClassifier, build_vlm_classifier
from chajong.members.vlm.export import AdapterExport, merge_adapters
from chajong.members.vlm.model_card import adapter_card
from chajong.members.vlm.parameters import VlmClassifierParameters
from chajong.members.vlm.questions import Question
from chajong.members.vlm.scoring import score_views
from chajong.training.moving_average import trained_weights
from tools.tiny_vlm import make_tiny_qwen

NAMES = ("K5 3세대", "쏘나타 2020", "아반떼 N")
CLASS_NAMES = ["K5_3세대", "쏘나타_2020", "아반떼_N"]
QUESTIONS = (
    Question("이 사진 속 자동차의 정확한 모델명은 무엇입니까?", (0, 1, 2)),
    Question("What car is this?", (2, 0, 1)),
)
METRICS = {
    "log_loss": 0.4321,
    "accuracy": 0.876,
    "hinting_member": "backbone",
    "gain": 0.0123,
    "gain_low": 0.0101,
    "gain_high": 0.0145,
    "asked_share": 0.5,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "tiny"
    make_tiny_qwen(folder, [*NAMES, *(question.prompt for question in QUESTIONS)])
    return folder


@pytest.fixture(scope="module")
def views():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 1, 3, 56, 56), dtype=torch.uint8, generator=generator)


def parameters_of(tiny, **settings):
    given = {
        "model": "somebody/tiny-qwen",
        "weights": str(tiny),
        "max_pixels": 56 * 56,
        "quantisation": "nf4",
        "candidates": 3,
        "lora": {"rank": 2, "vision_rank": 2, "vision_blocks": 1},
    }
    return VlmClassifierParameters(**given | settings)


def perturb(model, seed):
    """Stand in for training, which an export does not need."""
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        if weight.requires_grad:
            noise = torch.randn(weight.shape, generator=generator)
            weight.data.add_(0.05 * noise.to(weight.device))


def checkpoint_of(tiny, views, folds=(0, 2), **settings):
    parameters = parameters_of(tiny, **settings)
    weights, scores = {}, {}
    for fold in folds:
        model = build_vlm_classifier(parameters, NAMES, trained=True).eval()
        perturb(model, fold)
        weights[fold] = {name: part.clone() for name, part in trained_weights(model).items()}
        scores[fold] = score_views(model, views, QUESTIONS)
    configuration = {
        "model": parameters.model_dump(mode="json"),
        "names": list(NAMES),
        "class_names": CLASS_NAMES,
        "hints": {"member": "backbone", "count": 1},
    }
    proof = Proof(("a", "b"), views)
    processor = load_processor(parameters)
    return vlm_checkpoint(weights, proof, QUESTIONS, scores, configuration, processor)


@pytest.fixture(scope="module")
def checkpoint(tiny, views):
    return checkpoint_of(tiny, views)


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    """Two folds, the second merged too, from a checkpoint that was saved and loaded."""
    folder = tmp_path_factory.mktemp("exported")
    write_checkpoint(checkpoint, folder / "checkpoint")
    export = AdapterExport(read_checkpoint(folder / "checkpoint"), METRICS, (2,))
    export.write(folder / "adapters")
    return folder / "adapters"


@pytest.fixture(scope="module")
def head_checkpoint(tiny, views):
    return checkpoint_of(tiny, views, folds=(1,), objective="class_head")


@pytest.fixture(scope="module")
def head_exported(head_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("head") / "adapters"
    AdapterExport(head_checkpoint, METRICS, (1,)).write(folder)
    return folder


def saved_scores(checkpoint, fold):
    return checkpoint.tensors[f"proof.fold_{fold}"].numpy()


def reloaded_merged(folder, parameters):
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto")
    processor = AutoProcessor.from_pretrained(folder)
    return VlmClassifier(network, processor, NAMES, parameters, (56, 56)).eval()


def test_every_fold_has_the_files_of_the_hub(exported):
    expected = {"adapter_config.json", "adapter_model.safetensors", "classes.json", "README.md"}
    expected |= {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    assert {path.name for path in exported.iterdir()} == {
        "README.md",
        MANIFEST,
        "fold_0",
        "fold_2",
        "fold_2_merged",
    }
    for fold in ("fold_0", "fold_2"):
        assert expected <= {path.name for path in (exported / fold).iterdir()}
    AutoProcessor.from_pretrained(exported / "fold_0")


def test_the_adapter_names_the_hub_repository_of_its_base(exported, tiny):
    text = (exported / "fold_0" / "adapter_config.json").read_text(encoding="utf-8")
    assert json.loads(text)["base_model_name_or_path"] == "somebody/tiny-qwen"
    written = [path for path in exported.rglob("*") if path.suffix in (".json", ".md")]
    assert not [path for path in written if str(tiny) in path.read_text(encoding="utf-8")]


def test_classes_are_written_as_asked_and_as_they_are(exported):
    text = (exported / "fold_0" / "classes.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"names": list(NAMES), "class_names": CLASS_NAMES}


def test_peft_loads_an_adapter(exported, checkpoint, tiny):
    parameters = parameters_of(tiny)
    network = PeftModel.from_pretrained(load_network(parameters), exported / "fold_2")
    loaded = VlmClassifier(network, load_processor(parameters), NAMES, parameters, (56, 56)).eval()
    scores = score_views(loaded, checkpoint.tensors["proof.views"], QUESTIONS)
    np.testing.assert_allclose(scores, saved_scores(checkpoint, 2), atol=1e-5)


def test_exported_and_merged_models_are_let_go(checkpoint, tmp_path, watched, monkeypatch):
    build = watched(checkpoint_module.build_vlm_classifier)
    monkeypatch.setattr(checkpoint_module, "build_vlm_classifier", build)
    merge = export_module.merge_adapters
    monkeypatch.setattr(
        export_module, "merge_adapters", lambda *given: watched.watch(merge(*given))
    )
    AdapterExport(checkpoint, METRICS, (0, 2)).write(tmp_path / "adapters")
    assert watched.built == 4
    assert not watched.in_memory()


def test_a_merged_model_with_other_answers_is_not_written(checkpoint, tmp_path, monkeypatch):
    """As if the wrong weights had been merged."""
    merge = export_module.merge_adapters
    other = fold_weights(checkpoint, 0)
    monkeypatch.setattr(export_module, "merge_adapters", lambda model, _: merge(model, other))
    with pytest.raises(CheckpointError, match=r"merged model of fold 2 differs by .* on average"):
        AdapterExport(checkpoint, METRICS, (2,)).write(tmp_path / "adapters")


def test_a_head_is_exported_with_its_adapter(head_exported, head_checkpoint, tiny):
    head = load_file(head_exported / "fold_1" / "head.safetensors")
    for name, part in head.items():
        torch.testing.assert_close(part, head_checkpoint.tensors[f"fold_1.head.{name}"])
    assert set(head) == {"linear.weight", "linear.bias"}


def test_a_changed_adapter_is_not_exported(checkpoint, tmp_path):
    name = next(name for name in checkpoint.tensors if "lora_B" in name)
    changed = checkpoint.tensors | {name: checkpoint.tensors[name] + 1}
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "README.md").write_text("earlier")
    with pytest.raises(CheckpointError, match="fold 0 differs"):
        AdapterExport(replace(checkpoint, tensors=changed), METRICS).write(tmp_path / "adapters")
    assert [path.name for path in tmp_path.iterdir()] == ["adapters"]
    assert [path.read_text() for path in (tmp_path / "adapters").iterdir()] == ["earlier"]


def test_what_was_exported_before_is_replaced(head_checkpoint, tmp_path):
    (tmp_path / "adapters" / "fold_4").mkdir(parents=True)
    (tmp_path / "adapters" / "README.md").touch()
    AdapterExport(head_checkpoint, METRICS).write(tmp_path / "adapters")
    assert sorted(path.name for path in tmp_path.rglob("fold_*")) == ["fold_1"]


def test_a_fold_that_was_not_trained_cannot_be_merged(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match=r"Fold 1 cannot be merged.*0, 2"):
        AdapterExport(checkpoint, METRICS, (1,)).write(tmp_path / "adapters")


def test_a_model_that_was_not_trained_exports_its_card_alone(tiny, views, tmp_path):
    untrained = checkpoint_of(tiny, views, folds=())
    configuration = untrained.configuration | {"folds": [0]}
    AdapterExport(replace(untrained, configuration=configuration), METRICS).write(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name != MANIFEST] == [
        "README.md"
    ]


def test_a_merged_model_is_whole_and_in_bfloat16(exported):
    tensors = load_file(exported / "fold_2_merged" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert not [name for name in tensors if "lora" in name or "base_layer" in name]
    text = (exported / "fold_2_merged" / "config.json").read_text(encoding="utf-8")
    assert "quantization_config" not in text


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
def test_before_rounding_a_merged_model_answers_as_before(tiny, views, quantisation):
    checkpoint = checkpoint_of(tiny, views, folds=(0,), quantisation=quantisation)
    merged = merge_adapters(restore_fold_model(checkpoint, 0), fold_weights(checkpoint, 0))
    scores = score_views(merged, views, QUESTIONS)
    np.testing.assert_allclose(scores, saved_scores(checkpoint, 0), atol=1e-4)


def test_a_merged_model_answers_nearly_as_before(exported, checkpoint, tiny, views):
    merged = reloaded_merged(exported / "fold_2_merged", parameters_of(tiny))
    scores = score_views(merged, views, QUESTIONS)
    # bfloat16 keeps 8 significant bits, and these names have some ten tokens of 5 nats each.
    np.testing.assert_allclose(scores, saved_scores(checkpoint, 2), atol=0.3)
    untouched = score_views(
        build_vlm_classifier(parameters_of(tiny), NAMES, trained=False).eval(), views, QUESTIONS
    )
    assert np.abs(untouched - saved_scores(checkpoint, 2)).max() > 0.5


def test_the_card_of_a_merged_model_states_its_difference(exported, checkpoint, tiny, views):
    merged = reloaded_merged(exported / "fold_2_merged", parameters_of(tiny))
    scores = score_views(merged, views, QUESTIONS)
    difference = float(np.abs(scores - saved_scores(checkpoint, 2)).max())
    card = (exported / "fold_2_merged" / "README.md").read_text(encoding="utf-8")
    assert f"differ by up to {difference:.3g} nats" in " ".join(card.split())


def test_a_merged_model_keeps_its_head_beside_it(head_exported, head_checkpoint):
    head = load_file(head_exported / "fold_1_merged" / "head.safetensors")
    trained = head_checkpoint.tensors["fold_1.head.linear.weight"]
    torch.testing.assert_close(head["linear.weight"], trained)


def test_the_hub_understands_the_cards(exported):
    for folder, library in ((".", "peft"), ("fold_0", "peft"), ("fold_2_merged", "transformers")):
        card = ModelCard.load(exported / folder / "README.md")
        assert card.data.base_model == "somebody/tiny-qwen"
        assert card.data.library_name == library
        assert card.data.pipeline_tag == "image-text-to-text"
        assert card.data.language == ["ko", "en"]
        assert "0.4321" in card.text
        assert "0.0101 to 0.0145" in card.text


def test_the_card_of_published_weights_loads_the_commit_they_were_trained_on(checkpoint):
    published = {**checkpoint.configuration["model"], "weights": "hub", "revision": "a" * 40}
    card = adapter_card(checkpoint.configuration | {"model": published}, METRICS, 0)
    assert f'"somebody/tiny-qwen",\n    revision="{"a" * 40}",' in card
