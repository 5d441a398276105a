"""What every kind of member keeps to, shown by a tiny member of each through its own steps."""

import functools
import inspect
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from kedro.io import MemoryDataset
from tiny_members import MEMBERS, make_clip
from wrong_members import LEAKS, REFUSALS

from chajong.inference.member_models import MemberModels, PhotoAnswers, members_needed
from chajong.members.cards.carded import CARD_FILE
from chajong.members.checkpoint import CheckpointError
from chajong.members.kind import Kind
from chajong.members.parameters import MemberParameters
from chajong.members.registry import KINDS
from chajong.members.trained.kind import PREDICTED, TrainedKind
from chajong.predictions.contract import ROW_COLUMNS
from chajong.training import trainer
from chajong.training.errors import TrainingError

PIPELINES = {"feature_extraction", "clip_training", "fusion_training", "vlm_finetune"}
TRAINED = [name for name, kind in MEMBERS.items() if isinstance(KINDS[kind], TrainedKind)]

every_member = pytest.mark.parametrize("name", MEMBERS)


def concrete_kinds(kind=Kind):
    """Find the package's kinds that have a name, wherever they are defined."""
    ours = kind.__module__.startswith("chajong.") and hasattr(kind, "name")
    own = {kind} if ours and not inspect.isabstract(kind) else set()
    return own.union(*(concrete_kinds(sub) for sub in kind.__subclasses__()))


class TestKind:
    def test_every_kind_is_registered_under_a_name_of_its_own(self):
        assert {type(kind) for kind in KINDS.values()} == concrete_kinds()
        assert all(kind.name == name for name, kind in KINDS.items())

    def test_every_kind_has_a_tiny_member_here(self):
        assert set(MEMBERS.values()) == set(KINDS)

    @pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
    def test_it_says_what_it_is(self, kind):
        assert kind.approach
        assert kind.pipeline in PIPELINES
        assert issubclass(kind.parameters, MemberParameters)
        assert kind.parameters.model_fields["kind"].annotation == Literal[kind.name]

    @every_member
    def test_its_steps_give_what_all_members_leave(self, run, name):
        member = run.members[name]
        assert set(PREDICTED) <= set(member.outputs)
        assert len(set(member.outputs)) == len(member.outputs)

    @every_member
    def test_its_first_step_reads_no_photo(self, run, name):
        first = run.members[name].steps[0]
        assert not {"photo_store", "tables"} & set(inspect.signature(first.function).parameters)


class UnreadDataset(MemoryDataset):
    """What must not be read."""

    def load(self):
        pytest.fail("photos were read")


class TestCheck:
    def started(self, run, folder, name, change):
        wrong = run.before(name, folder, **change)
        wrong.catalog["photo_store"] = UnreadDataset()
        wrong.finish(name)

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_wrong_is_refused_before_a_photo_is_read(self, run, tmp_path, kind):
        for number, (name, change, error, message) in enumerate(REFUSALS[kind]):
            with pytest.raises(error, match=message):
                self.started(run, tmp_path / str(number), name, change)

    @pytest.mark.parametrize("name", TRAINED)
    def test_a_gpu_that_is_not_there_is_missed(self, run, tmp_path, monkeypatch, name):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
        with pytest.raises(TrainingError, match="trains on a GPU"):
            self.started(run, tmp_path, name, {"training": {"device": "gpu"}})


class TestPredictions:
    @every_member
    def test_a_train_photo_has_one_row_and_others_have_one_of_each_fold(self, run, tables, name):
        expected = pd.concat([tables.rows_of_fold(fold) for fold in (0, 1)])
        rows = run.load(name, "predictions").rows
        by_photo = [column for column in ROW_COLUMNS if column != "label_counts"]
        pd.testing.assert_frame_equal(
            rows.sort_values(by_photo, ignore_index=True),
            expected.sort_values(by_photo, ignore_index=True),
        )
        assert run.load(name, "predictions").contract == tables.contract

    @every_member
    def test_no_photo_is_answered_by_a_model_that_knew_its_label(
        self, run, relabelled_run, tables, name
    ):
        """Labels were changed that the model of fold 0 must not see."""
        other = relabelled_run
        for reference in run.members[name].references.values():
            if reference.dataset == "predictions":  # which may know the labels of other folds
                hints = run.load(reference.member, "predictions")
                other.give(
                    reference.member, predictions=replace(hints, contract=other.tables.contract)
                )
        own, others = (
            [changed(*tensors) for tensors in both_of_fold(fold, name, run, other)]
            for fold in (0, 1)
        )
        assert not any(own)
        assert any(others) or KINDS[MEMBERS[name]].name == "zero_shot"
        if all(
            has_one_temperature(each.load(name, "checkpoint").configuration)
            for each in (run, other)
        ):
            before, after = (
                without_temperature(each.load(name, "predictions")) for each in (run, other)
            )
            np.testing.assert_allclose(after, before, atol=1e-3)


class TestHeatMaps:
    @every_member
    def test_a_map_of_each_class_asked_for_comes_of_the_photos_own_fold(self, run, tables, name):
        mapper = run.members[name].kind.heat_mapper()
        assert (mapper is not None) == (name in ("backbone", "fusion"))
        if mapper is None:
            return
        checkpoint = run.load(name, "checkpoint")
        contents = tables.contents_of(tables.folds["photo_id"][:3])
        asked = np.array([[0, 1], [2, 0], [1, 1]])
        by_fold = [
            mapper(checkpoint, tables.classes, tables.store, contents, [fold] * 3, asked)
            for fold in (0, 1)
        ]
        for one, other in zip(*by_fold, strict=True):
            assert one.shape == other.shape
            assert one.ndim == 3
            assert (one >= 0).all()
        assert any((one != other).any() for one, other in zip(*by_fold, strict=True))
        np.testing.assert_allclose(by_fold[0][2][0], by_fold[0][2][1])


def both_of_fold(fold, name, *runs):
    """Pair the tensors that the model of a fold is made of, in two runs."""
    checkpoints = [run.load(name, "checkpoint") for run in runs]
    first, second = (checkpoint.tensors for checkpoint in checkpoints)
    both = first.keys() & second.keys()
    # Which heads say something beside others is fitted on all folds, as their weights are.
    assert both == first.keys() == second.keys() or "pool" in checkpoints[0].configuration
    return [
        (first[tensor], second[tensor])
        for tensor in both
        if tensor.startswith((f"fold_{fold}.", f"evidence.fold_{fold}."))
    ]


def changed(first, second):
    return first.shape != second.shape or not torch.equal(first, second)


def has_one_temperature(configuration):
    """Tell members whose labels of other folds fit one number from those where they fit weights."""
    return "temperature" in configuration or len(configuration.get("pool", ())) == 1


def without_temperature(predictions):
    """Give the train rows of fold 0, without what was fitted on the labels of the other."""
    rows = predictions.rows.query("split == 'train' and fold == 0").sort_values("photo_id")
    values = predictions.log_probabilities[rows.index]
    centred = values - values.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


class TestResuming:
    class Killed(BaseException):
        pass

    @pytest.fixture
    def steps(self, monkeypatch):
        """Count the steps of a training; it is killed at the one that is set."""
        steps = []
        take = trainer.Averaging.on_step_end

        def counted(*given, **named):
            take(*given, **named)
            steps.append(given[2].global_step)
            if len(steps) == self.killed_at:
                raise self.Killed

        monkeypatch.setattr(trainer.Averaging, "on_step_end", counted)
        return steps

    @pytest.mark.parametrize("name", TRAINED)
    def test_a_killed_training_goes_on_to_the_same_result(self, run, tmp_path, steps, name):
        history = run.load(name, "history")
        of_fold = history["fold"].value_counts()  # every step is logged
        self.killed_at = int(of_fold[0]) + 3
        again = run.before(name, tmp_path)
        with pytest.raises(self.Killed):
            again.finish(name)
        assert len(steps) == self.killed_at
        again.finish(name)
        # Fold 0 was finished, and fold 1 was saved after its second step.
        assert len(steps) == self.killed_at + of_fold[1] - 2
        expected, resumed = (each.load(name, "checkpoint").tensors for each in (run, again))
        assert expected.keys() == resumed.keys()
        for tensor, value in expected.items():
            torch.testing.assert_close(resumed[tensor], value, rtol=0, atol=0)
        np.testing.assert_array_equal(
            again.load(name, "predictions").log_probabilities,
            run.load(name, "predictions").log_probabilities,
        )


class TestUnchanged:
    @every_member
    def test_nothing_is_predicted_twice(self, run, monkeypatch, name):
        expected = run.load(name, "predictions")
        weights = run.load(name, "checkpoint").tensors
        kind = type(run.members[name].kind)

        @functools.wraps(kind.predict)
        def fail(*_, **__):
            pytest.fail("asked again")

        monkeypatch.setattr(kind, "predict", fail)
        again = run.again(name)
        found = again.load(name, "predictions")
        np.testing.assert_array_equal(found.log_probabilities, expected.log_probabilities)
        tensors = again.load(name, "checkpoint").tensors
        assert tensors.keys() == weights.keys()
        assert not any(changed(tensors[tensor], weights[tensor]) for tensor in weights)


@pytest.fixture(scope="module")
def checkpoints(run):
    return {name: run.load(name, "checkpoint") for name in MEMBERS}


def answers_of(name, checkpoints, tables):
    """Ask a member's read-back models, and those that it builds on, about the test photos."""
    configurations = {each: checkpoints[each].configuration for each in checkpoints}
    needed = {each: checkpoints[each] for each in members_needed([name], configurations)}
    contents = tables.contents_of(readable_test_photos(tables))
    return PhotoAnswers(MemberModels(needed, tables.classes), contents, tables.store)


def readable_test_photos(tables):
    return tables.photos.query("split == 'test' and status == 'ok'")["photo_id"]


def tampered(name, checkpoint, folder, tables):
    """Put fold 0's weights in the place of fold 1's, or others under one that is not trained."""
    if KINDS[MEMBERS[name]].name == "zero_shot":
        make_clip(folder, tables.classes, seed=1)
        place = {"model": f"local-dir:{folder}", "weights": str(folder)}
        model = checkpoint.configuration["model"] | place
        return replace(checkpoint, configuration=checkpoint.configuration | {"model": model})
    others = {
        tensor.replace("fold_0.", "fold_1."): value
        for tensor, value in checkpoint.tensors.items()
        if tensor.startswith("fold_0.")
    }
    assert others
    return replace(checkpoint, tensors=checkpoint.tensors | others)


class TestNewPhotos:
    @every_member
    def test_they_are_scored_as_the_run_scored_its_test_photos(
        self, run, checkpoints, tables, name
    ):
        by_fold = answers_of(name, checkpoints, tables).by_fold(name)
        assert sorted(by_fold) == [0, 1]
        predictions = run.load(name, "predictions")
        for fold, scored in by_fold.items():
            own = (predictions.rows["split"] == "test") & (predictions.rows["fold"] == fold)
            assert predictions.rows["photo_id"][own].tolist() == [*readable_test_photos(tables)]
            np.testing.assert_allclose(scored, predictions.log_probabilities[own], atol=1e-5)
            assert np.ptp(scored, axis=1).max() > 0.01, "uniform answers would always agree"

    @every_member
    def test_weights_that_were_exchanged_are_refused(self, checkpoints, tables, tmp_path, name):
        other = checkpoints | {name: tampered(name, checkpoints[name], tmp_path, tables)}
        with pytest.raises(CheckpointError, match="differs by"):
            answers_of(name, other, tables).by_fold(name)

    @every_member
    def test_other_classes_are_refused(self, checkpoints, tables, name):
        fewer = replace(tables, classes=tables.classes.iloc[:-1])
        with pytest.raises(CheckpointError, match="is in one only"):
            answers_of(name, checkpoints, fewer).by_fold(name)

    def test_the_hinted_model_has_a_say(self, run):
        """Else it would repeat its hints."""
        assert run.load("qwen", "metrics")["answer_weight"] > 0


class TestLeaks:
    def test_all_that_members_read_of_one_another_is_looked_at(self, run):
        read = {
            (member.kind.name, reference.dataset)
            for member in run.members.values()
            for reference in member.references.values()
        }
        assert read == set(LEAKS)

    @every_member
    def test_what_another_member_should_not_know_is_refused(self, run, tmp_path, name):
        member = run.members[name]
        read = {reference.dataset for reference in member.references.values()}
        for dataset in read:
            for number, leak in enumerate(LEAKS[member.kind.name, dataset]):
                spoil, error, message = leak
                leaking = spoil(run, name, tmp_path / str(number))
                with pytest.raises(error, match=message):
                    leaking.finish(name)
                assert not leaking.catalog.exists(f"{name}.predictions")


class TestWhatIsLeft:
    @every_member
    def test_a_checkpoint_says_what_it_is_and_whom_it_asks(self, run, checkpoints, name):
        member = run.members[name]
        configuration = checkpoints[name].configuration
        assert configuration["kind"] == member.kind.name
        assert configuration["builds_on"] == member.kind.asked(member.parameters)
        assert set(configuration["builds_on"]) <= set(MEMBERS)

    @every_member
    def test_a_checkpoint_has_a_card_with_its_figures(self, run, checkpoints, name):
        card = checkpoints[name].files[CARD_FILE].decode()
        assert run.members[name].parameters.title in card
        assert f"{run.load(name, 'metrics')['log_loss']:.4f}" in card

    @every_member
    def test_metrics_name_the_approach_and_what_it_cost(self, run, name):
        metrics = run.load(name, "metrics")
        assert metrics["approach"] == run.members[name].kind.approach
        assert np.isfinite([metrics["log_loss"], metrics["seconds"]]).all()
        assert metrics["seconds"] == pytest.approx(
            metrics["training_seconds"] + metrics["prediction_seconds"]
        )
