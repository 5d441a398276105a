"""Members as a configuration describes them."""

import unicodedata
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.members.configuration import (
    NO_MEMBERS,
    MemberError,
    completed_blocks,
    leaving,
    merged,
    read_members,
)
from chajong.members.registry import KINDS


def members_of(blocks):
    return read_members(completed_blocks(blocks))


def by_name(blocks):
    return {member.name: member for member in members_of(blocks)}


TEAM = {
    "seed": 7,
    "hog": {"kind": "frozen"},
    "dino": {"kind": "frozen", "encoder": {"library": "timm", "model": "vit", "weights": "random"}},
    "convnext": {
        "kind": "backbone",
        "model": {"model": "convnext_atto", "weights": "random", "image_size": 64},
    },
    "eva": {"kind": "backbone", "model": {"model": "eva02", "weights": "random"}},
    "이름": {"kind": "fusion", "start": "convnext", "model": {"mode": "concatenation"}},
    "joined": {"kind": "concat"},
    "qwen": {"kind": "vlm", "hints": {"member": "이름"}, "training": None,
             "model": {"objective": "listwise"}},
}  # fmt: skip


def team(**changes):
    return merged(deepcopy(TEAM), changes)


def refusal(blocks):
    with pytest.raises(MemberError) as caught:
        members_of(blocks)
    return str(caught.value)


class TestAsDescribed:
    def test_any_number_of_a_kind_in_whatever_order_they_are_written(self):
        wanted = ["dino", "hog", "joined", "convnext", "eva", "이름", "qwen"]
        for blocks in (TEAM, dict(reversed(TEAM.items()))):
            assert [member.name for member in members_of(blocks)] == wanted

    def test_a_fusion_takes_over_the_model_of_the_backbone_that_it_starts_from(self):
        model = by_name(TEAM)["이름"].parameters.model
        assert (model.model, model.image_size, model.mode) == ("convnext_atto", 64, "concatenation")

    def test_joined_features_are_those_of_all_frozen_members_unless_some_are_named(self):
        assert by_name(TEAM)["joined"].parameters.encoders == ("dino", "hog")
        named = team(joined={"encoders": ["dino"]})
        assert by_name(named)["joined"].parameters.encoders == ("dino",)

    def test_every_member_has_the_seed_of_the_project_unless_it_names_its_own(self):
        members = by_name(team(eva={"seed": 3}))
        assert members["convnext"].parameters.training.seed == 7
        assert members["eva"].parameters.training.seed == 3

    def test_shared_settings_lie_below_a_members_own(self):
        shared = {"backbone": {"training": {"epochs": 2, "batch_size": 4}}}
        members = by_name(team(shared=shared, eva={"training": {"epochs": 5}}))
        trainings = [members[name].parameters.training for name in ("convnext", "eva")]
        assert [(each.epochs, each.batch_size) for each in trainings] == [(2, 4), (5, 4)]

    def test_a_member_set_to_null_is_none(self):
        assert "eva" not in by_name({**TEAM, "eva": None})

    def test_a_kind_says_what_its_members_leave(self):
        members = members_of(TEAM)
        assert leaving(members, "features") == ("dino", "hog", "joined")
        assert leaving(members, "history") == ("convnext", "eva", "이름")
        assert leaving(members, "predictions") == tuple(member.name for member in members)

    def test_blocks_of_pipelines_are_no_members_and_stay_as_they_are(self):
        parameters = {**TEAM, "ensembling": {"top_k": 3}, "raw_dir": "photos"}
        assert completed_blocks(parameters)["ensembling"] == {"top_k": 3}
        assert len(members_of(parameters)) == len(TEAM) - 1


class TestRefused:
    def test_a_wrong_kind_with_the_near_ones(self):
        said = refusal(team(eva={"kind": "bakcbone"}))
        assert "eva.kind is 'bakcbone'" in said
        assert "did you mean backbone?" in said

    def test_a_block_without_a_kind(self):
        said = refusal(team(convnet={"training": {"epochs": 8}}))
        assert "'convnet' is no member, because it does not say of which kind it is" in said
        assert "convnext" in said

    def test_a_setting_that_there_is_not(self):
        said = refusal(team(raw_dirr="photos"))
        assert "There is no setting 'raw_dirr' (did you mean raw_dir" in said

    def test_a_wrong_reference_with_the_near_ones(self):
        said = refusal(team(이름={"start": "convnet"}))
        assert "이름.start names 'convnet', and there is no such member" in said
        assert "did you mean convnext?" in said
        assert "Name one of convnext, eva." in said

    def test_a_reference_to_a_member_of_a_kind_that_does_not_serve(self):
        said = refusal(team(이름={"start": "hog"}))
        assert "이름.start names 'hog', a member of kind 'frozen'" in said
        assert "Name one of convnext, eva." in said

    @pytest.mark.parametrize("other", ["b", "c"])
    def test_a_circle_of_references(self, other):
        blocks = {
            name: {"kind": "vlm", "hints": {"member": hinting}}
            for name, hinting in (("a", other), ("b", "a"), ("c", "b"))
        }
        said = refusal(blocks)
        assert "in a circle" in said
        assert f"a on {other}" in said

    def test_a_member_that_builds_on_itself(self):
        assert "in a circle" in refusal(team(qwen={"hints": {"member": "qwen"}}))

    @pytest.mark.parametrize(
        "name", ["a b", "a/b", "..", "", "-a", "_a", "a.b", "차" * 21, "a\n", "con:1"]
    )
    def test_a_name_that_cannot_be_a_folder(self, name):
        assert "cannot be a member's name" in refusal({name: {"kind": "frozen"}})

    @pytest.mark.parametrize("name", ["Hog", unicodedata.normalize("NFD", "이름"), "EVA"])
    def test_a_name_used_twice_for_a_folder(self, name):
        assert "cannot be called" in refusal(team(**{name: {"kind": "frozen"}}))

    @pytest.mark.parametrize("name", ["ensemble", "external", "Search_Index", "clip_training"])
    def test_a_name_that_a_part_of_the_project_has(self, name):
        assert "a part of the project" in refusal({name: {"kind": "frozen"}})

    def test_a_wrong_setting_by_its_place(self):
        said = refusal(team(eva={"training": {"epochs": -1}}, hog={"encodr": {}}))
        assert "hog.encodr" in said
        assert "did you mean encoder?" in said
        said = refusal(team(eva={"training": {"epoch": 3, "augmentation": {"rotaton": 5}}}))
        assert "eva.training.epoch: there is no such setting (did you mean epochs" in said
        assert "eva.training.augmentation.rotaton: there is no such setting" in said
        assert "did you mean rotation?" in said
        said = refusal(team(dino={"encoder": {"modle": "vit"}}))
        assert "modle: there is no such setting (did you mean model" in said
        said = refusal(team(eva={"training": {"epochs": -1}}))
        assert "eva.training.epochs" in said
        assert "given: -1" in said


@given(st.text(min_size=1, max_size=20).filter(lambda name: name not in NO_MEMBERS))
def test_whatever_a_member_is_called_it_is_taken_as_it_is_or_refused(name):
    try:
        members = members_of({name: {"kind": "frozen"}})
    except MemberError:
        return
    assert [member.name for member in members] == [name]


def test_every_kind_is_registered_under_its_name():
    assert all(kind.name == name for name, kind in KINDS.items())
