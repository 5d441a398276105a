"""Cards in the hub's format."""

from huggingface_hub import ModelCard

from chajong.inference.saved import read_ensemble
from chajong.members.cards.card import card_body, ensemble_card
from chajong.members.cards.carded import with_card
from chajong.members.cards.data import summarise_data
from chajong.members.cards.weights import WeightsRule, describe_weights, used_weights
from chajong.members.checkpoint import read_checkpoint, write_checkpoint


def test_an_ensembles_card_is_read_by_the_hubs_library(saved_ensemble, small_run):
    card = ModelCard.load(saved_ensemble / "README.md")
    data = card.data.to_dict()
    assert data["language"] == ["ko", "en"]
    assert data["license"] == "mit"
    results = {each.metric_type: each.metric_value for each in card.data.eval_results}
    figures = read_ensemble(saved_ensemble).figures
    assert results["log_loss"] == round(figures["log_loss"], 4)
    assert results["accuracy"] == round(figures["accuracy"], 4)


def test_an_ensembles_card_tells_members_data_limits_and_weights(saved_ensemble, small_run):
    text = (saved_ensemble / "README.md").read_text(encoding="utf-8")
    assert "| `hog` |" in text
    assert "small_clip (small_clip) | MIT" in text
    assert "## Limits" in text
    assert f"{small_run.classes['effective_class'].nunique()} classes" in text
    assert str(small_run.raw.parent) not in text


def test_an_ensembles_card_is_told_in_korean(small_run, saved_ensemble):
    ensemble = read_ensemble(saved_ensemble)
    configurations = {
        name: checkpoint.configuration for name, checkpoint in ensemble.checkpoints.items()
    }
    card = ensemble_card(
        ensemble.figures,
        ensemble.figures["pool"]["weights"],
        ["외부"],
        summarise_data(*small_run.tables),
        describe_weights(used_weights(configurations), WeightsRule()),
        "ko",
    )
    english = ensemble.card.splitlines()
    shared = {line for line in card.splitlines() if line.startswith("| `")} & set(english)
    assert len(shared) == len(ensemble.members)
    assert ModelCard(card).data.to_dict() == ModelCard(ensemble.card).data.to_dict()
    assert "# 모델 2개의 앙상블로 차종 9개 인식" in card
    assert card.count("\n## ") == ensemble.card.count("\n## ")
    assert "모델: 외부." in card


def test_the_body_comes_without_the_header(saved_ensemble):
    text = (saved_ensemble / "README.md").read_text(encoding="utf-8")
    body = card_body(text)
    assert body.startswith("# ")
    assert text.endswith(body)
    assert card_body("# plain") == "# plain"


def test_a_checkpoint_carries_its_card(small_run, tmp_path):
    checkpoint = small_run.checkpoints["clip_frozen"]
    metrics = {"log_loss": 1.25, "accuracy": 0.5}
    write_checkpoint(with_card(checkpoint, "모델", metrics, *small_run.tables), tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert "by 모델" in card.text
    assert "| accuracy | 50.0% |" in card.text
    assert "small_clip" in card.text
    assert read_checkpoint(tmp_path).configuration == checkpoint.configuration
