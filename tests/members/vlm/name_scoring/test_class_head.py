import numpy as np
import pytest
import torch

from chajong.members.vlm.name_scoring.class_head import ClassHead, ClassHeadScorer
from chajong.members.vlm.name_scoring.errors import VisionLanguageError

CLASSES = ["레이", "모닝", "K5", "K3"]


@pytest.fixture(scope="module")
def head(model):
    torch.manual_seed(0)
    return ClassHead(model.network.config.get_text_config().hidden_size, len(CLASSES))


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_head_equals_the_obvious_implementation(
    model, head, photos, prompts, side, monkeypatch
):
    monkeypatch.setattr(model.processor.tokenizer, "padding_side", side)
    wanted = [["K3", "레이"], ["모닝", "K5"], ["레이", "모닝"]]
    expected = []
    for photo, prompt, names in zip(photos, prompts, wanted, strict=True):
        with torch.inference_mode():
            inputs = model.prepare([photo], [prompt]).inputs
            states = model.network(**inputs, output_hidden_states=True).hidden_states[-1]
            logits = states[0, -1] @ head.linear.weight.T + head.linear.bias
        of_classes = dict(zip(CLASSES, torch.exp(logits).tolist(), strict=True))
        chosen = np.array([of_classes[name] for name in names])
        expected.append(np.log(chosen / chosen.sum()))
    found = ClassHeadScorer(model, head, CLASSES).score(photos, prompts, wanted)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_name_that_the_head_does_not_know_is_refused(model, head, photos, prompts):
    scorer = ClassHeadScorer(model, head, CLASSES)
    with pytest.raises(VisionLanguageError, match="'포니' is none of the head's 4 classes"):
        scorer.score(photos, prompts, [["레이", "포니"]] * 3)


def test_a_head_for_other_classes_is_refused(model, head):
    with pytest.raises(VisionLanguageError, match="4 classes, not 3"):
        ClassHeadScorer(model, head, CLASSES[:3])
