import pytest
from pydantic import ValidationError

from chajong.members.kinds.vlm import VlmMemberParameters
from chajong.members.vlm.parameters import (
    HintsParameters,
    VlmClassifierParameters,
    VlmTrainingParameters,
)
from chajong.training.parameters import TrainingParameters


class TestLetters:
    def test_there_are_as_many_candidates_as_letters_at_most(self):
        assert VlmClassifierParameters(objective="letters", candidates=26).candidates == 26
        with pytest.raises(ValidationError, match="27 candidates are more than the 26 letters"):
            VlmClassifierParameters(objective="letters", candidates=27)

    def test_names_need_no_letters(self):
        assert VlmClassifierParameters(objective="listwise", candidates=27).candidates == 27

    def test_somebody_has_to_choose_the_candidates(self):
        with pytest.raises(ValidationError, match=r"`hints\.member`, or set `model.objective"):
            VlmMemberParameters(kind="vlm", model={"objective": "letters"})

    @pytest.mark.parametrize("place", ["member", "table"])
    def test_whoever_hints_chooses_them(self, place):
        VlmMemberParameters(kind="vlm", model={"objective": "letters"}, hints={place: "hog"})


class TestClassifier:
    @pytest.mark.parametrize(
        "changes",
        [
            {"candidates": 1},
            {"ask_below": 0.0},
            {"prior_correction": 1.5},
            {"templates": []},
            {"weights": "a-folder-without-a-slash"},
            {"lora": {"dropout": 1.0}},
            {"unknown": 1},
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, changes):
        with pytest.raises(ValidationError):
            VlmClassifierParameters(**changes)


class TestHints:
    @pytest.mark.parametrize("changes", [{"count": 0}, {"drop": 1.1}, {"unknown": 1}], ids=str)
    def test_what_makes_no_sense_is_refused(self, changes):
        with pytest.raises(ValidationError):
            HintsParameters(**changes)

    def test_they_come_from_one_place(self):
        with pytest.raises(ValidationError, match="name a `member` or a `table`, not both"):
            HintsParameters(member="hog", table="others.csv")

    @pytest.mark.parametrize(("count", "accepted"), [(3, True), (4, False), (5, False)])
    def test_they_leave_two_candidates_untold(self, count, accepted):
        given = {"kind": "vlm", "model": {"candidates": 5}}
        hints = {"member": "hog", "count": count}
        if accepted:
            assert VlmMemberParameters(**given, hints=hints).hints.count == count
            return
        with pytest.raises(ValidationError, match=r"set `hints\.count` to 3 or less"):
            VlmMemberParameters(**given, hints=hints)
        VlmMemberParameters(**given, hints=hints | {"in_prompt": False})


class TestTraining:
    @pytest.mark.parametrize("kind", ["cutmix", "mixup"])
    def test_photos_are_not_mixed(self, kind):
        mixing = {"cutmix": 0.0, "mixup": 0.0, kind: 0.1}
        with pytest.raises(ValidationError, match="a question is about one car"):
            VlmTrainingParameters(mixing=mixing)

    def test_the_mixing_of_other_members_would_be_refused(self):
        with pytest.raises(ValidationError, match="a question is about one car"):
            VlmTrainingParameters(mixing={})

    def test_every_epoch_is_trained(self):
        assert TrainingParameters(epoch_choice="inner").epoch_choice == "inner"
        with pytest.raises(ValidationError, match="epoch_choice"):
            VlmTrainingParameters(epoch_choice="inner")

    def test_the_defaults_are_those_of_adapters(self):
        """The figures of the design; the tower learns at a tenth of the language model's rate."""
        given = VlmTrainingParameters()
        assert (given.epochs, given.batch_size) == (2, 64)
        assert (given.learning_rate, given.layer_decay, given.weight_decay) == (1e-4, 0.1, 0.0)
        assert given.gradient_checkpointing
        assert given.mixing.cutmix == given.mixing.mixup == 0
        assert given.save_every == TrainingParameters().save_every


class TestMember:
    def test_a_model_may_be_asked_as_it_is(self):
        assert VlmMemberParameters(kind="vlm", training=None).training is None

    def test_a_head_that_was_never_trained_is_refused(self):
        with pytest.raises(ValidationError, match="a class head knows nothing"):
            VlmMemberParameters(kind="vlm", training=None, model={"objective": "class_head"})

    def test_a_head_that_is_trained_is_accepted(self):
        assert (
            VlmMemberParameters(kind="vlm", model={"objective": "class_head"}).training is not None
        )

    def test_a_fold_to_merge_is_not_negative(self):
        with pytest.raises(ValidationError, match="merged_folds"):
            VlmMemberParameters(kind="vlm", export={"merged_folds": [-1]})
