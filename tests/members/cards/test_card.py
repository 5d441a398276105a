"""Cards in the hub's format."""

from huggingface_hub import ModelCard

from chajong.inference.saved import read_ensemble
from chajong.members.cards.card import card_body
from chajong.members.cards.carded import with_card
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
