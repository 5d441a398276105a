import pickle
import shutil
from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from chajong.encoders.encoder import EncoderError
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.losses import clip_loss, multi_positive_contrastive
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import ClassPrompts

LABELS = torch.tensor([0, 2, 2, 1])
OTHERS = torch.tensor([0, 1, 2, 0])
SHARE = torch.tensor([1.0, 0.7, 0.5, 0.4])
MIXED = (LABELS, OTHERS, SHARE)
PLAIN = (LABELS, LABELS, torch.ones(4))


@pytest.fixture
def build(small_folder, parameters_of, prompts):
    def make(**changes):
        return build_clip_classifier(parameters_of(small_folder, **changes), prompts)

    return make


def obvious_class_embeddings(classifier, prompts):
    means = []
    for of_class in prompts.in_languages(("korean", "english")):
        tokens = [classifier.towers.tokenize([text]) for text in of_class]
        each = torch.cat([normalize(classifier.towers.encode_texts(token)) for token in tokens])
        means.append(normalize(each.mean(dim=0), dim=0))
    return torch.stack(means)


def change_text_tower(classifier):
    with torch.no_grad():
        classifier.towers.network.text_projection[0].add_(0.5)


class TestPrediction:
    def test_scores_are_cosines_to_the_mean_of_a_classes_sentences(self, build, prompts, photos):
        classifier = build().eval()
        towers = classifier.towers
        mean, std = (torch.tensor(part).view(3, 1, 1) for part in (towers.mean, towers.std))
        with torch.no_grad():
            embedded = normalize(towers.encode_photos((photos / 255 - mean) / std))
            cosines = embedded @ obvious_class_embeddings(classifier, prompts).T
        expected = (towers.logit_scale.exp() * cosines).log_softmax(dim=1)
        torch.testing.assert_close(
            classifier.log_probabilities(photos), expected.detach(), rtol=1e-4, atol=1e-4
        )

    def test_a_batch_of_sentences_changes_nothing(self, build, photos):
        one, many = build(prediction_batch_size=1).eval(), build().eval()
        torch.testing.assert_close(one.log_probabilities(photos), many.log_probabilities(photos))

    def test_photo_embeddings_have_length_one(self, build, photos):
        torch.testing.assert_close(
            build().eval().photo_embeddings(photos).norm(dim=1), torch.ones(4)
        )

    def test_a_name_is_embedded_as_if_it_were_a_class(self, build, prompts):
        classifier = build().eval()
        torch.testing.assert_close(
            classifier.prompt_embeddings(prompts.in_languages(("korean", "english"))),
            obvious_class_embeddings(classifier, prompts).detach(),
        )

    def test_a_name_that_was_never_trained_is_embedded(self, build):
        embedded = build().eval().prompt_embeddings([["르노 마스터 사진"], ["a photo of a bus"]])
        assert embedded.shape == (2, 16)

    def test_one_language_reads_its_own_sentences_only(self, build, prompts):
        classifier = build(languages=("english",))
        count = sum(len(of_class) for of_class in prompts.english)
        assert len(classifier.prompt_tokens) == count


class TestKeptSentences:
    """Scores kept from before must equal those of a classifier that never kept any."""

    @pytest.fixture
    def used(self, build, photos):
        classifier = build().eval()
        classifier.log_probabilities(photos)
        return classifier

    @pytest.fixture
    def assert_fresh(self, used, build, photos):
        before = used.log_probabilities(photos)

        def check():
            fresh = build()
            fresh.load_state_dict(used.state_dict())
            after = used.eval().log_probabilities(photos)
            assert not torch.allclose(after, before)
            torch.testing.assert_close(after, fresh.eval().log_probabilities(photos))

        return check

    def test_the_text_tower_runs_once(self, used, photos, monkeypatch):
        monkeypatch.setattr(used.towers, "encode_texts", lambda _: pytest.fail("encoded again"))
        used.log_probabilities(photos)

    def test_they_follow_a_loaded_state(self, used, build, assert_fresh):
        other = build()
        change_text_tower(other)
        used.load_state_dict(other.state_dict())
        assert_fresh()

    def test_they_follow_a_state_loaded_into_the_towers(self, used, build, assert_fresh):
        other = build()
        change_text_tower(other)
        used.towers.load_state_dict(other.towers.state_dict())
        assert_fresh()

    def test_they_follow_an_optimiser(self, used, photos, assert_fresh):
        used.train()
        optimiser = torch.optim.AdamW(used.parameters(), lr=0.1)
        used(photos, *PLAIN)["loss"].backward()
        optimiser.step()
        assert_fresh()

    def test_they_follow_weights_written_behind_autograds_back(self, used, assert_fresh):
        for weight in used.towers.network.transformer.parameters():
            weight.data.copy_(weight.data + 0.5)
        assert_fresh()

    def test_they_serve_training_after_inference_mode(self, build, photos):
        classifier = build(freeze=("text",)).eval()
        with torch.inference_mode():
            classifier.log_probabilities(photos)
        classifier.train()(photos, *PLAIN)["loss"].backward()


class TestLoss:
    def test_it_adds_cross_entropy_and_contrast(self, build, prompts, photos):
        # In prediction mode batch norm does not depend on the batch.
        classifier = build(prompts="averaged", contrastive_weight=0.3).eval()
        photo = classifier.photo_embeddings(photos)
        names = obvious_class_embeddings(classifier, prompts)
        scale = classifier.towers.logit_scale.exp()
        logits = scale * photo @ names.T
        plain = SHARE * cross_entropy(logits, LABELS, reduction="none")
        mixed = (1 - SHARE) * cross_entropy(logits, OTHERS, reduction="none")
        contrast = multi_positive_contrastive(photo, names[LABELS], *MIXED, scale)
        torch.testing.assert_close(
            classifier(photos, *MIXED)["loss"],
            (plain + mixed).mean() + 0.3 * contrast,
            rtol=1e-4,
            atol=1e-4,
        )

    def test_clips_own_loss_is_selectable(self, build, prompts, photos):
        classifier = build(prompts="averaged", objective="clip").eval()
        photo = classifier.photo_embeddings(photos)
        names = obvious_class_embeddings(classifier, prompts)[LABELS]
        expected = clip_loss(photo, names, classifier.towers.logit_scale.exp())
        torch.testing.assert_close(
            classifier(photos, *PLAIN)["loss"], expected, rtol=1e-4, atol=1e-4
        )

    def test_a_large_logit_scale_is_held_at_one_hundred(self, build, photos):
        classifier, limited = build().eval(), build().eval()
        with torch.no_grad():
            classifier.towers.logit_scale.fill_(9.0)
            limited.towers.logit_scale.copy_(torch.tensor(100.0).log())
        torch.testing.assert_close(
            classifier.log_probabilities(photos), limited.log_probabilities(photos)
        )

    def test_a_sampled_sentence_is_one_of_its_class_and_all_come_up(self, build):
        classifier = build()
        chosen = set()
        torch.manual_seed(0)
        classifier._encode = lambda tokens: tokens
        for _ in range(40):
            tokens = classifier._class_embeddings(torch.tensor([2, 0]))
            chosen |= {(number, tuple(row.tolist())) for number, row in enumerate(tokens)}
        rows = [tuple(row) for row in classifier.prompt_tokens.tolist()]
        assert chosen == {(0, row) for row in rows[5:8]} | {(1, row) for row in rows[0:3]}

    @pytest.mark.parametrize("objective", ["classes_and_positives", "clip"])
    def test_a_few_steps_lower_it(self, build, photos, objective):
        torch.manual_seed(0)
        classifier = build(objective=objective)
        labels = torch.tensor([0, 1, 2, 0])
        batch = (labels, labels, torch.ones(4))
        optimiser = torch.optim.AdamW(classifier.parameters(), lr=1e-3)
        losses = []
        for _ in range(12):
            loss = classifier(photos, *batch)["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]

    @pytest.mark.parametrize("changes", [{}, {"prompts": "averaged"}, {"objective": "clip"}])
    def test_it_depends_on_the_seed_only(self, build, photos, changes):
        losses = []
        for _ in range(2):
            classifier = build(**changes)
            torch.manual_seed(4)
            losses.append(classifier(photos, *MIXED)["loss"].item())
        assert losses[0] == losses[1]


class TestFrozen:
    def test_a_frozen_text_tower_is_run_once(self, build, photos, monkeypatch):
        classifier = build(freeze=("text",))
        classifier(photos, *MIXED)["loss"].backward()
        monkeypatch.setattr(
            classifier.towers, "encode_texts", lambda _: pytest.fail("encoded again")
        )
        classifier(photos, *MIXED)["loss"].backward()

    @pytest.mark.parametrize("chosen", ["sampled", "averaged"])
    def test_it_gives_the_loss_of_one_that_is_not_frozen(self, build, photos, chosen):
        losses = []
        for freeze in ((), ("text",)):
            classifier = build(freeze=freeze, prompts=chosen)
            torch.manual_seed(3)
            losses.append(classifier(photos, *MIXED)["loss"])
        torch.testing.assert_close(losses[0], losses[1])

    @pytest.mark.parametrize("tower", ["photo", "text"])
    def test_a_frozen_tower_stays_as_it_is(self, build, photos, tower):
        from chajong.members.clip.depths import tower_of

        classifier = build(freeze=(tower,))
        before = {name: part.clone() for name, part in classifier.state_dict().items()}
        optimiser = torch.optim.AdamW(classifier.parameters(), lr=0.1)
        classifier(photos, *MIXED)["loss"].backward()
        optimiser.step()
        changed = {
            tower_of(name)
            for name, part in classifier.state_dict().items()
            if not torch.equal(part, before[name])
        }
        assert tower not in changed
        assert changed - {None} == {"photo", "text"} - {tower}


class TestLayerDepths:
    def test_every_trainable_parameter_has_one(self, build):
        classifier = build(freeze=("photo",))
        names = {name for name, part in classifier.named_parameters() if part.requires_grad}
        assert set(classifier.layer_depths()) == names
        assert not any("visual" in name for name in names)

    def test_both_towers_end_together(self, build):
        depths = build().layer_depths()
        last = max(depths.values())
        for name in ("visual.head.proj.weight", "text_projection", "logit_scale"):
            assert depths[f"towers.network.{name}"] == last
        assert depths["towers.network.visual.trunk.stem.conv.weight"] == 0

    def test_adapters_are_initialised_at_random(self, build):
        depths = build(lora_rank=2, freeze=("photo",)).layer_depths()
        assert {depth for name, depth in depths.items() if "lora_" in name} == {None}
        assert [name for name in depths if "lora_" not in name] == [
            "towers.network.model.logit_scale"
        ]

    def test_a_model_without_pretrained_weights_is_random(self, build):
        assert set(build(weights="random").layer_depths().values()) == {None}


class TestBuilding:
    def test_the_builder_can_be_sent_to_another_process(
        self, small_folder, parameters_of, prompts, photos
    ):
        builder = partial(build_clip_classifier, parameters_of(small_folder), prompts)
        sent = pickle.loads(pickle.dumps(builder))
        torch.testing.assert_close(
            sent().eval().log_probabilities(photos), builder().eval().log_probabilities(photos)
        )

    def test_the_state_holds_the_librarys_weights_and_nothing_else(self, build):
        classifier = build()
        own = {f"towers.network.{name}" for name in classifier.towers.network.state_dict()}
        assert set(classifier.state_dict()) == own

    def test_siglips_bias_is_not_trained(self, transformers_folders, prompts):
        from chajong.members.clip.parameters import ClipParameters

        folder = str(transformers_folders["siglip"])
        classifier = build_clip_classifier(
            ClipParameters(library="transformers", model=folder, weights=folder), prompts
        )
        photos = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
        classifier(photos, *MIXED)["loss"].backward()
        idle = [
            name
            for name, weight in classifier.named_parameters()
            if weight.requires_grad and weight.grad is None
        ]
        assert idle == []

    def test_a_name_that_is_too_long_is_refused(self, small_folder, parameters_of):
        from chajong.members.clip.prompts import ClassPrompts

        prompts = ClassPrompts(korean=(("제" * 70,),), english=(("a car",),))
        with pytest.raises(EncoderError, match=r"has \d+ tokens, but the model reads at most 64"):
            build_clip_classifier(parameters_of(small_folder), prompts)


class TestLanguages:
    def test_sentences_that_the_tokenizer_does_not_know_are_refused(
        self, english_clip, parameters_of, prompts
    ):
        message = (
            r"does not read Korean: it turns parts of 3 of 3 names \(100%\) into unknown tokens, "
            r"as in '기아 레이 자동차 사진'\. Set the model's `languages`"
        )
        for languages in (("korean",), ("english", "korean")):
            with pytest.raises(EncoderError, match=message):
                build_clip_classifier(parameters_of(english_clip, languages=languages), prompts)

    def test_sentences_that_it_knows_are_enough(self, english_clip, parameters_of, prompts):
        parameters = parameters_of(english_clip, languages=("english",))
        assert len(build_clip_classifier(parameters, prompts).prompt_count) == 3

    def test_a_model_of_transformers_is_asked_likewise(
        self, english_clip, transformers_folders, prompts, tmp_path
    ):
        folder = shutil.copytree(transformers_folders["clip"], tmp_path / "clip")
        for file in english_clip.glob("tokenizer*"):
            shutil.copy(file, folder / file.name)
        parameters = ClipParameters(
            library="transformers", model=str(folder), weights=str(folder), languages=("korean",)
        )
        with pytest.raises(EncoderError, match="does not read Korean"):
            build_clip_classifier(parameters, prompts)

    def test_a_class_may_lack_sentences_of_one_language(self, small_folder, parameters_of):
        prompts = ClassPrompts(korean=(("기아 레이",), ()), english=((), ("a Kia Ray",)))
        assert build_clip_classifier(
            parameters_of(small_folder), prompts
        ).prompt_count.tolist() == [
            1,
            1,
        ]
