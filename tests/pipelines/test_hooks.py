"""What a run leaves out, and what a person sees at its end."""

import logging

import pytest
from kedro.framework.session import KedroSession

from chajong.configuration import SESSION
from chajong.encoders.encoder import EncoderError
from chajong.hooks import left_out_of, without_weights
from chajong.members.configuration import MemberError, completed_blocks, read_members
from chajong.predictions.external import ExternalMemberError

SIGLIP = {
    "kind": "frozen",
    "required": False,
    "encoder": {"library": "open_clip", "model": "ViT-B-16-SigLIP", "weights": "webli"},
}


def test_a_run_without_a_summary_names_the_files_it_wrote(finished, data_dir, run_pipelines, capfd):
    run_pipelines(finished.raw, data_dir, "feature_extraction")
    printed = capfd.readouterr().out
    _, written = printed.split("Written:")
    assert f"hog.predictions: {data_dir}/07_model_output/hog/predictions.parquet" in written
    assert "clip_frozen" not in written


def test_relative_paths_are_the_projects_from_every_folder(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parameters = {"photos_dir": "data/01_raw/sample/test"}
    with KedroSession.create(project, runtime_params=parameters) as session:
        assert session.load_context().catalog.load("new_photos")


class TestMissingWeights:
    def test_a_member_that_may_be_missing_is_left_out_and_named_at_both_ends(
        self, finished, data_dir, run_pipelines, capfd, caplog
    ):
        with caplog.at_level(logging.WARNING, "chajong"):
            run_pipelines(finished.raw, data_dir, "feature_extraction", siglip=SIGLIP)
        (warned,) = [said for said in caplog.messages if "is left out of this run" in said]
        assert warned.startswith("siglip is left out of this run. The published model 'timm/")
        printed = capfd.readouterr().out
        assert "left out     siglip: The published model 'timm/ViT-B-16-SigLIP'" in printed
        assert "hf download timm/ViT-B-16-SigLIP" in printed
        assert "hog alone, which needs no weights, is a baseline" in printed
        assert "siglip.predictions" not in printed

    def test_a_run_of_one_member_says_nothing_of_the_others(self, monkeypatch):
        monkeypatch.setattr(SESSION, "left_out", {"siglip": "No weights.", "clip": "None."})
        assert left_out_of({"namespaces": ["hog"]}) == {}
        assert left_out_of({"namespaces": ["clip", "hog"]}) == {"clip": "None."}
        assert left_out_of({"namespaces": None}).keys() == {"siglip", "clip"}

    def test_the_next_run_knows_nothing_of_it(self, finished, data_dir, run_pipelines, capfd):
        run_pipelines(finished.raw, data_dir, "feature_extraction", siglip=SIGLIP)
        capfd.readouterr()
        run_pipelines(finished.raw, data_dir, "feature_extraction")
        assert "left out" not in capfd.readouterr().out

    def test_a_member_that_is_needed_is_refused_by_its_own_check(
        self, finished, data_dir, run_pipelines
    ):
        needed = SIGLIP | {"required": True}
        with pytest.raises(EncoderError, match="could not be fetched"):
            run_pipelines(finished.raw, data_dir, "feature_extraction", siglip=needed)

    def test_weights_within_reach_are_looked_for_and_not_fetched(self, monkeypatch):
        looked_for = []
        monkeypatch.setattr("chajong.encoders.published.find_weights", looked_for.append)
        members = read_members({"siglip": SIGLIP})
        assert without_weights(members) == {}
        assert looked_for == [members[0].parameters.encoder]

    def test_nobody_can_build_on_a_member_that_is_left_out(self):
        joined = {"kind": "concat", "encoders": ["hog", "siglip"]}
        blocks = {"hog": {"kind": "frozen"}, "siglip": SIGLIP, "joined": joined}
        with pytest.raises(MemberError, match=r"joined.encoders names 'siglip', which would be"):
            without_weights(read_members(completed_blocks(blocks)))

    def test_no_table_of_others_takes_its_place(self, finished, data_dir, run_pipelines):
        folder = data_dir / "07_model_output" / "external"
        folder.mkdir(parents=True)
        (folder / "siglip.csv").write_text("ID,a\n0,1\n")
        with pytest.raises(ExternalMemberError, match="this project's own 'siglip'"):
            run_pipelines(finished.raw, data_dir, "ensembling", siglip=SIGLIP)
