"""Which members fit into the minutes given, and how it is told and remembered."""

import json
from dataclasses import replace
from types import SimpleNamespace

import click
import pandas as pd
import pytest

from chajong.budget import MEMORY, Budget, BudgetError, Memory, Plan, Size, choose, finished_key
from chajong.cli import typed_parameters
from chajong.members.configuration import completed_blocks, read_members
from chajong.members.kinds.backbone import BackboneKind
from chajong.members.kinds.frozen import FrozenKind
from chajong.slip import SlipError

SHORTER = {"training": {"epochs": 2}}
ALONE = {"hog": (), "clip": (), "backbone": (), "fusion": ("backbone",)}
TRAINED = {"clip", "backbone", "fusion"}


def sizes(**seconds):
    """Give each member sizes that take so many seconds, the largest first."""
    return {
        name: [Size({"training": {"epochs": int(each)}}, each) for each in several]
        for name, several in seconds.items()
    }


def chosen(available, **seconds):
    given = sizes(**seconds)
    taken, left_out = choose(given, {name: ALONE[name] for name in given}, TRAINED, available)
    return {name: size.seconds for name, size in taken.items()}, left_out


class TestChoose:
    def test_all_run_as_they_are_where_all_fit(self):
        taken, left_out = chosen(100, hog=[10], backbone=[50, 20], fusion=[40, 5])
        assert taken == {"hog": 10, "backbone": 50, "fusion": 40}
        assert not left_out

    def test_the_whole_never_takes_longer_than_there_is(self):
        for available in range(5, 120, 7):
            taken, left_out = chosen(
                available, hog=[10, 4], clip=[30, 20, 9], backbone=[50, 35, 20], fusion=[40, 5]
            )
            assert sum(taken.values()) <= available
            assert taken.keys() | left_out == ALONE.keys()

    def test_frozen_members_come_first_though_they_are_slower(self):
        assert chosen(30, hog=[25], backbone=[20])[0] == {"hog": 25}

    def test_another_member_is_worth_more_than_a_larger_one(self):
        taken, _ = chosen(60, clip=[50, 20], backbone=[40, 30])
        assert taken == {"clip": 20, "backbone": 40}

    def test_a_member_is_left_out_with_what_it_builds_on(self):
        taken, left_out = chosen(30, hog=[10], backbone=[50, 40], fusion=[5])
        assert taken == {"hog": 10}
        assert left_out["fusion"] == "It builds on backbone."
        assert left_out["backbone"] == "It takes about 40 s at its least size, and 20 s are left."

    def test_it_comes_after_what_it_builds_on_though_it_is_quicker(self):
        taken, left_out = chosen(22, backbone=[20], fusion=[5])
        assert taken == {"backbone": 20}
        assert "2 s are left" in left_out["fusion"]

    def test_what_is_finished_makes_room(self):
        taken, _ = chosen(20, backbone=[60, 0, 30], fusion=[15])
        assert taken == {"backbone": 0, "fusion": 15}


class TestPlan:
    plan = Plan(
        5,
        {
            "hog": Size({}, 40.0),
            "lite": Size({"encoder": {"flip": False, "zoom": [1.0]}}, 60.0),
            "backbone": Size({"training": {"epochs": 5}}, 100.0),
        },
        {"fusion": "It builds on nobody."},
        30.0,
    )

    def test_the_line_that_it_tells_means_what_it_runs(self):
        line = list(self.plan.lines())[-1].partition("--params ")[2].strip("'")
        read = typed_parameters(click.Context(click.Command("run")), None, line)
        assert read == self.plan.parameters
        assert read == {
            "lite": {"encoder": {"flip": False, "zoom": [1.0]}},
            "backbone": {"training": {"epochs": 5}},
            "fusion": None,
        }

    def test_it_tells_what_each_takes(self):
        told = "\n".join(self.plan.lines())
        assert "about 100 s" not in told
        assert "backbone         about 2 min with training.epochs=5" in told
        assert "hog              about 40 s\n" in told
        assert "together         about 4 min" in told


class TestMemory:
    def test_it_is_read_as_it_was_written(self, tmp_path):
        memory = Memory({"a": {"looking": 0.1}}, {"b": {"rest": 1}}, {"hog": "c"})
        memory.keep(tmp_path)
        assert Memory.of(tmp_path) == memory

    @pytest.mark.parametrize("content", ["", "{", '{"speed": {}}', "[]"])
    def test_a_damaged_one_is_begun_anew(self, tmp_path, content):
        (tmp_path / MEMORY).parent.mkdir()
        (tmp_path / MEMORY).write_text(content)
        assert Memory.of(tmp_path) == Memory()


BLOCKS = {
    "hog": {"kind": "frozen", "encoder": {"library": "hog", "width": 48, "height": 32}},
    "backbone": {"kind": "backbone", "training": {"epochs": 8}},
}


class TestBudget:
    """Speeds are made up: a training of 40 photos takes 40 s an epoch and fold, and all else none.

    All folds of 8 epochs take 40 * 8 * 4 / 5 * 5 * 0.94 = 1203 s, half of them 602 s.
    """

    @pytest.fixture
    def speeds(self, monkeypatch):
        speeds = {"learning": 1.0, "looking": 0.0, "starting": 0.0}
        heads = {"looking": 0.0, "starting": 0.0, "fitting": 0.0, "width": 10.0}
        monkeypatch.setattr(BackboneKind, "speeds", lambda *_: dict(speeds))
        monkeypatch.setattr(FrozenKind, "speeds", lambda *_: heads)
        monkeypatch.setattr(Budget, "_sample", lambda *_: (None, 0.0))
        self.share_a_processor(monkeypatch, 1)
        return speeds

    def share_a_processor(self, monkeypatch, processes):
        monkeypatch.setattr("os.cpu_count", lambda: 4)
        monkeypatch.setattr("psutil.getloadavg", lambda: (4 * processes, 0, 0))

    def photos(self, count=40):
        listing = pd.DataFrame({"split": ["train"] * count})
        return SimpleNamespace(listing=listing, class_names=("a", "b"), root="photos")

    def plan(self, minutes, folder, memory, given=None, count=40):
        blocks = completed_blocks(BLOCKS)
        budget = Budget(read_members(blocks), blocks, given or {})
        return budget.plan(minutes, self.photos(count), folder, memory)

    def epochs(self, plan):
        return plan.sizes["backbone"].changes.get("training", {}).get("epochs", 8)

    def test_a_training_is_as_long_as_fits(self, speeds, tmp_path):
        plan = self.plan(20, tmp_path, Memory())
        assert (
            self.epochs(plan) == 7
        )  # 1053 s, of 1080 s of which 20 s and a photo's are for others
        assert plan.sizes["backbone"].seconds == pytest.approx(1052.8)
        assert self.epochs(self.plan(60, tmp_path, Memory())) == 8

    def test_less_than_a_quarter_of_the_epochs_is_not_run(self, speeds, tmp_path):
        plan = self.plan(5, tmp_path, Memory())
        assert plan.sizes.keys() == {"hog"}
        assert "about 5 min at its least size" in plan.left_out["backbone"]

    def test_what_was_chosen_stays_though_speeds_change(self, speeds, tmp_path):
        memory = Memory()
        first = self.plan(20, tmp_path, memory)
        memory.keep(tmp_path)
        again = Memory.of(tmp_path)
        speeds["learning"] = 0.1
        again.speeds.clear()
        assert self.plan(20, tmp_path, again) == replace(first, known=True)

    @pytest.mark.parametrize("changes", [{"minutes": 21}, {"count": 41}])
    def test_other_minutes_and_photos_are_planned_anew(self, speeds, tmp_path, changes):
        memory = Memory()
        self.plan(20, tmp_path, memory)
        assert not self.plan(**{"minutes": 20, **changes}, folder=tmp_path, memory=memory).known

    def test_a_speed_that_is_known_is_not_measured_again(self, speeds, tmp_path, monkeypatch):
        memory = Memory()
        self.plan(20, tmp_path, memory)
        monkeypatch.setattr(BackboneKind, "speeds", lambda *_: pytest.fail("it was measured"))
        self.plan(30, tmp_path, memory)

    def test_what_is_given_is_not_changed(self, speeds, tmp_path):
        blocks = completed_blocks(BLOCKS)
        given = {"backbone": {"training": {"epochs": 8}}}
        budget = Budget(read_members(blocks), blocks, given)
        plan = budget.plan(20, self.photos(), tmp_path, Memory())
        assert "backbone" in plan.left_out

    def test_what_is_finished_takes_no_time(self, speeds, tmp_path):
        blocks = completed_blocks(BLOCKS)
        members = {member.name: member for member in read_members(blocks)}
        memory = Memory(finished={"backbone": finished_key(members["backbone"], 40, 0, {})})
        plan = self.plan(2, tmp_path, memory)
        assert self.epochs(plan) == 8
        assert plan.sizes["backbone"].seconds == 0
        other = Memory(finished={"backbone": finished_key(members["backbone"], 41, 0, {})})
        assert "backbone" in self.plan(2, tmp_path, other).left_out

    def test_too_few_minutes_are_told_with_how_many_it_takes(self, speeds, tmp_path):
        with pytest.raises(
            BudgetError, match=r"minutes=0.1 is too few: hog.*Give minutes=1:"
        ) as no:
            self.plan(0.1, tmp_path, Memory())
        assert isinstance(no.value, SlipError)
        assert len(Memory.of(tmp_path).speeds) == len(BLOCKS)

    def test_a_trial_that_took_all_the_time_is_not_in_vain(self, speeds, tmp_path, monkeypatch):
        clock = iter([0.0, 50.0])
        monkeypatch.setattr("time.perf_counter", lambda: next(clock))
        with pytest.raises(BudgetError, match=r"the trial took 50 s\. Run the same again"):
            self.plan(1, tmp_path, Memory())

    @pytest.mark.parametrize("processes", [0.1, 1, 3])
    def test_what_is_guessed_takes_longer_on_a_busy_machine(
        self, speeds, tmp_path, monkeypatch, processes
    ):
        self.share_a_processor(monkeypatch, processes)
        plan = self.plan(20, tmp_path, Memory())
        assert plan.rest == pytest.approx(max(1, processes) * (20 + 0.01 * 40))

    def test_a_plan_can_be_written_down(self, speeds, tmp_path):
        memory = Memory()
        self.plan(20, tmp_path, memory)
        json.dumps(memory.choices)
