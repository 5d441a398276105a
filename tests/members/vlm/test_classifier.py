import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from benchmarks.one_pass_per_name import OnePassPerName
from chajong.members.vlm.name_scoring.letters import letter_tokens, with_options
from chajong.members.vlm.questions import Question
from chajong.members.vlm.scoring import score_views
from chajong.photos.resizing import PADDING
from chajong.training.layer_decay import parameter_groups
from chajong.training.moving_average import trained_weights
from tools.tiny_vlm import make_tiny_llava

LABELS = torch.tensor([2, 0, 1])
QUESTIONS = [
    Question("이 차의 이름은?", (2, 0, 1)),
    Question("CV: 쏘나타 (70 %). What car is this?", (1, 0, 2)),
    Question("What car is this?", (0, 2, 1)),
]
PROMPTS = [question.prompt for question in QUESTIONS]


def loss_of(model, photos):
    ones = torch.ones(len(photos))
    return model(photos, LABELS, LABELS, ones, QUESTIONS)["loss"]


def as_arrays(photos):
    return list(photos.permute(0, 2, 3, 1).numpy())


def log_likelihoods(model, photos, candidates):
    """The definition: one pass a name."""
    scorer = OnePassPerName(model.reader)
    with torch.no_grad():
        return scorer.log_likelihoods(as_arrays(photos), PROMPTS, candidates)


class TestLosses:
    def test_listwise_is_the_log_loss_of_the_candidates(self, build, photos):
        model = build().eval()
        likelihoods = log_likelihoods(model, photos, model.candidate_names(QUESTIONS))
        places = torch.tensor([0, 1, 2])
        expected = cross_entropy(likelihoods, places)
        assert loss_of(model, photos).item() == pytest.approx(expected.item(), abs=1e-4)

    def test_answer_is_the_mean_over_the_right_names_tokens(self, build, photos):
        model = build(objective="answer").eval()
        names = [model.names[label] for label in LABELS]
        likelihoods = log_likelihoods(model, photos, [[name] for name in names])
        tokens = sum(len(model.reader.name_tokens(name)) for name in names)
        assert loss_of(model, photos).item() == pytest.approx(
            -likelihoods.sum().item() / tokens, abs=1e-4
        )

    def test_letters_is_the_cross_entropy_of_the_right_option(self, build, photos):
        model = build(objective="letters").eval()
        letters = letter_tokens(model.reader)[:3]
        losses = []
        for photo, label, question in zip(as_arrays(photos), LABELS, QUESTIONS, strict=True):
            names = [model.names[name] for name in question.candidates]
            prompt = with_options(question.prompt, names)
            inputs = model.reader.prepare([photo], [prompt]).inputs
            logits = model.reader.network(**inputs).logits[0, -1, letters]
            losses.append(-logits.log_softmax(0)[question.candidates.index(int(label))])
        assert loss_of(model, photos).item() == pytest.approx(
            torch.stack(losses).mean().item(), abs=1e-4
        )

    def test_the_head_is_trained_on_every_class(self, build, photos):
        model = build(objective="class_head").eval()
        prepared = model.reader.prepare(as_arrays(photos), PROMPTS)
        expected = cross_entropy(model.head(model.reader.last_states(prepared)), LABELS)
        assert loss_of(model, photos).item() == pytest.approx(expected.item(), abs=1e-5)

    @pytest.mark.parametrize("kind", ["qwen", "llava"])
    @pytest.mark.parametrize("objective", ["listwise", "answer", "letters", "class_head"])
    def test_gradients_reach_all_that_is_trained_and_nothing_else(
        self, build, photos, tmp_path, objective, kind
    ):
        base = {}
        if kind == "llava":
            make_tiny_llava(tmp_path, ["a car", *PROMPTS])
            base = {"weights": str(tmp_path), "max_pixels": 28 * 28}
        model = build(objective=objective, **base)
        loss_of(model, photos).backward()
        for name, weight in model.named_parameters():
            # Before training B is zero, so that nothing reaches A.
            if weight.requires_grad and "lora_A" not in name:
                assert weight.grad.abs().sum() > 0, name
            if not weight.requires_grad:
                assert weight.grad is None, name

    def test_computing_activations_twice_changes_no_gradient(self, build, photos):
        gradients = []
        for enabled in (False, True):
            model = build(lora={"dropout": 0.0})
            model.set_gradient_checkpointing(enabled)
            loss_of(model, photos).backward()
            gradients.append([w.grad.clone() for w in model.parameters() if w.grad is not None])
        for kept, again in zip(*gradients, strict=True):
            torch.testing.assert_close(kept, again, rtol=1e-3, atol=1e-5)


class TestScores:
    @pytest.mark.parametrize("objective", ["listwise", "answer", "letters", "class_head"])
    def test_candidates_are_scored_by_what_was_trained(self, build, photos, objective):
        model = build(objective=objective).eval()
        scores = score_views(model, photos[:, None], QUESTIONS)
        assert scores.shape == (3, 3)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-5)

    def test_scores_are_those_of_one_pass_a_name(self, build, photos):
        model = build().eval()
        expected = log_likelihoods(model, photos, model.candidate_names(QUESTIONS)).log_softmax(1)
        scores = score_views(model, photos[:, None], QUESTIONS)
        np.testing.assert_allclose(scores, expected.numpy(), atol=1e-3)

    def test_a_grey_photos_answer_can_be_taken_out(self, build, photos):
        model = build(trained=False, prior_correction=1.0).eval()
        grey = torch.tensor(PADDING, dtype=torch.uint8)[None, :, None, None].expand_as(photos)
        plain = score_views(build(trained=False).eval(), photos[:, None], QUESTIONS)
        corrected = score_views(model, photos[:, None], QUESTIONS)
        assert np.abs(corrected - plain).max() > 0.01
        # Of a grey photo itself nothing is left.
        np.testing.assert_allclose(
            score_views(model, grey[:, None], QUESTIONS), -np.log(3), atol=1e-4
        )


class TestWhatIsTrained:
    def test_the_vision_tower_learns_at_the_decayed_rate(self, build, training):
        model = build(objective="class_head")
        groups = parameter_groups(model, model.layer_depths(), training)
        rates = {id(weight): group["lr"] for group in groups for weight in group["params"]}
        found = {
            "vision" if "visual" in name else "head" if name.startswith("head") else "language": (
                rates[id(weight)]
            )
            for name, weight in model.named_parameters()
            if weight.requires_grad
        }
        rate = training.learning_rate
        assert found == pytest.approx({"vision": rate / 10, "language": rate, "head": 1e-3})

    def test_only_changes_and_head_are_kept(self, build):
        kept = trained_weights(build(objective="class_head"))
        assert {name.split(".")[0] for name in kept} == {"network", "head"}
        assert all("lora_" in name or name.startswith("head.") for name in kept)

    def test_a_build_starts_from_the_same_weights_each_time(self, build):
        first, second = (trained_weights(build(objective="class_head")) for _ in range(2))
        for name, weight in first.items():
            torch.testing.assert_close(weight, second[name], rtol=0, atol=0)

    def test_a_photo_of_the_right_size_is_not_resized(self, build, photos):
        model = build()
        processed = model.reader.prepare(list(photos), PROMPTS).inputs
        assert processed["image_grid_thw"].tolist() == [[1, 4, 4]] * 3
        arrays = model.reader.prepare(as_arrays(photos), PROMPTS).inputs
        torch.testing.assert_close(processed["pixel_values"], arrays["pixel_values"])
