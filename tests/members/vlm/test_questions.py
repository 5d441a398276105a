import pickle
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.members.vlm.parameters import HintsParameters, VlmClassifierParameters
from chajong.members.vlm.questions import (
    QuestionWriter,
    TrainingQuestions,
    spoken_names,
)
from chajong.predictions.contract import normalise_log

NAMES = tuple(f"차종{number:02}" for number in range(12))
TOP, COUNT = 6, 4
DRAWS = 2000
HINTED = HintsParameters(member="hog")


def template(language="ko"):
    return {
        "with_hints": language + "|{hints}",
        "without_hints": language,
        "hint": "{name}={percent}",
    }


def writer(names=NAMES, templates=("ko",), **hints):
    parameters = VlmClassifierParameters(
        candidates=TOP, templates=[template(language) for language in templates]
    )
    given = {"member": "hog", "count": COUNT, "drop": 0.0, "leave_truth_out": 0.0} | hints
    return QuestionWriter(parameters, HintsParameters(**given), names)


def predicted(seed=0):
    return normalise_log(np.random.default_rng(seed).normal(size=(1, len(NAMES))))[0]


def ranked(values):
    return sorted(range(len(NAMES)), key=lambda name: -values[name])


def hinted(question):
    """Read the names out of a prompt, in its order; none where it tells nothing."""
    _, _, hints = question.prompt.partition("|")
    return [NAMES.index(hint.split("=")[0]) for hint in hints.split(", ") if hint]


def training_draws(label, values, count=DRAWS, **changes):
    ask, generator = writer(**changes), np.random.default_rng(0)
    return [ask.in_training(values, label, generator) for _ in range(count)]


seeds = st.integers(0, 10_000)


class TestTraining:
    @given(seeds, seeds, st.integers(0, len(NAMES) - 1))
    def test_the_truth_is_among_the_most_probable_names(self, values_of, chance, label):
        values = predicted(values_of)
        question = writer(drop=0.3, leave_truth_out=0.3).in_training(
            values, label, np.random.default_rng(chance)
        )
        likely = ranked(values)[:TOP]
        expected = likely if label in likely else [*likely[:-1], label]
        assert sorted(question.candidates) == sorted(expected)

    @given(seeds, seeds, st.integers(0, len(NAMES) - 1), st.integers(1, TOP - 2), st.booleans())
    def test_hints_are_the_members_own_names(self, values_of, chance, label, count, without_truth):
        """Whether the truth is hinted is up to the member: no label ever adds it."""
        values = predicted(values_of)
        question = writer(count=count, leave_truth_out=float(without_truth)).in_training(
            values, label, np.random.default_rng(chance)
        )
        likely = [name for name in ranked(values)[:TOP] if not (without_truth and name == label)]
        assert sorted(hinted(question)) == sorted(likely[:count])

    def test_hints_are_missing_as_often_as_asked_for(self):
        values = predicted()
        questions = training_draws(ranked(values)[0], values, drop=0.2, leave_truth_out=0.5)
        share = np.mean([not hinted(question) for question in questions])
        assert 0.16 < share < 0.24

    def test_the_truth_is_missing_among_hints_as_often_as_asked_for(self):
        values = predicted()
        truth = ranked(values)[0]
        questions = training_draws(truth, values, drop=0.5, leave_truth_out=0.1)
        told = [hinted(question) for question in questions if hinted(question)]
        assert {len(names) for names in told} == {COUNT}
        assert 0.06 < np.mean([truth not in names for names in told]) < 0.14

    def test_the_order_of_hints_says_nothing(self):
        values = predicted()
        questions = training_draws(ranked(values)[0], values)
        first = Counter(hinted(question)[0] for question in questions)
        assert set(first) == set(ranked(values)[:COUNT])
        assert min(first.values()) > 0.8 * DRAWS / COUNT

    @pytest.mark.parametrize("place", [0, TOP - 1, len(NAMES) - 1])
    def test_the_order_of_candidates_does_not_give_the_truth_away(self, place):
        values = predicted()
        truth = ranked(values)[place]
        questions = training_draws(truth, values)
        found = Counter(question.candidates.index(truth) for question in questions)
        assert set(found) == set(range(TOP))
        assert min(found.values()) > 0.7 * DRAWS / TOP

    def test_every_template_is_drawn(self):
        questions = training_draws(0, predicted(), templates=("ko", "en"), drop=0.5)
        drawn = Counter(question.prompt.partition("|")[0] for question in questions)
        assert min(drawn["ko"], drawn["en"]) > 0.4 * DRAWS

    def test_the_default_templates_are_korean_and_english(self):
        ask = QuestionWriter(VlmClassifierParameters(), HINTED, NAMES)
        generator = np.random.default_rng(0)
        prompts = [ask.in_training(predicted(), 0, generator).prompt for _ in range(50)]
        korean = [prompt for prompt in prompts if "모델명" in prompt]
        english = [prompt for prompt in prompts if "model name" in prompt]
        assert len(korean) + len(english) == 50
        assert min(len(korean), len(english)) > 10

    def test_the_generator_alone_decides(self):
        asked = [
            writer(drop=0.5).in_training(predicted(), 3, np.random.default_rng(seed))
            for seed in (1, 1, 2)
        ]
        assert asked[0] == asked[1] != asked[2]


class TestPrediction:
    @given(seeds)
    def test_candidates_are_the_most_probable_names_in_order(self, values_of):
        values = predicted(values_of)
        question = writer(drop=1.0, leave_truth_out=1.0).in_prediction("TEST_1", values)
        assert list(question.candidates) == ranked(values)[:TOP]
        assert sorted(hinted(question)) == sorted(ranked(values)[:COUNT])

    def test_a_photo_is_asked_about_in_the_same_way_each_time(self):
        ask = writer(templates=("ko", "en"))
        first = ask.in_prediction("TEST_1", predicted())
        ask.in_prediction("TEST_2", predicted())
        assert ask.in_prediction("TEST_1", predicted()) == first
        assert writer(templates=("ko", "en")).in_prediction("TEST_1", predicted()) == first
        assert first.prompt.startswith("ko|")

    def test_the_order_of_hints_says_nothing(self):
        first = Counter(
            hinted(writer().in_prediction(f"사진_{number}", predicted()))[0]
            for number in range(400)
        )
        assert set(first) == set(ranked(predicted())[:COUNT])
        assert min(first.values()) > 60


class TestPrompt:
    def test_probabilities_are_whole_percentages(self):
        values = np.log(np.array([0.704, 0.2, 0.09, 0.004, *[0.00025] * 8], np.float32))
        prompt = writer(count=4).in_prediction("TEST_1", values).prompt
        told = dict(hint.split("=") for hint in prompt.partition("|")[2].split(", "))
        assert told == {"차종00": "70", "차종01": "20", "차종02": "9", "차종03": "0"}

    def test_the_default_hint_tells_name_and_percentage(self):
        ask = QuestionWriter(VlmClassifierParameters(), HINTED, NAMES)
        prompt = ask.in_prediction("TEST_1", predicted()).prompt
        assert len(re.findall(r"차종\d\d \(\d+ %\)", prompt)) == 5

    def test_without_hints_in_the_prompt_no_name_is_told(self):
        silent = writer(in_prompt=False)
        generator = np.random.default_rng(0)
        for question in (
            silent.in_prediction("TEST_1", predicted()),
            *(silent.in_training(predicted(), label, generator) for label in range(12)),
        ):
            assert question.prompt == "ko"
            assert len(question.candidates) == TOP

    def test_without_a_member_every_name_is_asked_about(self):
        alone = writer(member=None)
        assert alone.candidate_count == len(NAMES)
        asked = alone.in_prediction("TEST_1", None)
        assert (asked.prompt, asked.candidates) == ("ko", tuple(range(12)))
        trained = alone.in_training(None, 5, np.random.default_rng(0))
        assert trained.prompt == "ko"
        assert sorted(trained.candidates) == list(range(12))

    def test_fewer_names_than_candidates_are_all_asked_about(self):
        values = np.log(np.array([0.1, 0.6, 0.3], np.float32))
        ask = writer(names=NAMES[:3])
        assert ask.candidate_count == 3
        assert ask.in_prediction("TEST_1", values).candidates == (1, 2, 0)

    def test_braces_are_written_in_the_same_way_with_hints_and_without(self):
        braces = {"with_hints": "{{차}} {hints}", "without_hints": "{{차}}"}
        ask = QuestionWriter(VlmClassifierParameters(templates=[braces]), HINTED, NAMES)
        assert ask.in_prediction("TEST_1", None).prompt == "{차}"
        assert ask.in_prediction("TEST_1", predicted()).prompt.startswith("{차} ")


class TestTrainingQuestions:
    def test_a_photo_gets_the_hints_that_were_made_for_it(self):
        by_photo = {"train/a.jpg": predicted(1), "train/b.jpg": predicted(2)}
        questions = pickle.loads(pickle.dumps(TrainingQuestions(writer(), by_photo)))
        for photo_id, values in by_photo.items():
            question = questions(photo_id, 0, np.random.default_rng(0))
            assert sorted(hinted(question)) == sorted(ranked(values)[:COUNT])

    def test_a_photo_without_predictions_is_no_photo_to_train_on(self):
        with pytest.raises(KeyError):
            TrainingQuestions(writer(), {})("train/c.jpg", 0, np.random.default_rng(0))

    def test_the_length_is_that_of_the_question_with_its_hints(self):
        names = ("차" * 40, *NAMES[1:])
        ask = writer(names=names, drop=1.0, count=1)
        short, long = np.full((2, 12), np.log(0.01), np.float32)
        short[1] = long[0] = np.log(0.89)
        questions = TrainingQuestions(ask, {"short": short, "long": long})
        assert questions.length("long") - questions.length("short") == 40 - len(NAMES[1])


class TestSpokenNames:
    def test_names_are_written_with_spaces(self):
        spoken = spoken_names(["라브4_4세대_2013_2018", "K5"])
        assert spoken == ("라브4 4세대 2013 2018", "K5")

    def test_names_that_would_be_the_same_stay_as_they_are(self):
        assert spoken_names(["K5_3세대", "K5 3세대", "K7_2세대"]) == (
            "K5_3세대",
            "K5 3세대",
            "K7 2세대",
        )

    @given(st.lists(st.text("ab_ ", min_size=1, max_size=5), unique=True))
    def test_different_classes_have_different_names(self, names):
        spoken = spoken_names(names)
        assert len(set(spoken)) == len(names)
        assert all(spoken)
