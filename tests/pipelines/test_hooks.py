"""What a person sees of members that are not enabled, and at the end of a run."""

import logging

import pytest
from chajong.pipelines.feature_extraction.params import EncoderMemberParameters
from chajong.predictions.members import FROZEN_MEMBERS
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from chajong.encoders.parameters import PretrainedParameters
from chajong.hooks import RunSummaryHooks, leave_out_members_without_weights


@pytest.fixture
def extract(finished, data_dir, run_pipelines):
    return lambda: run_pipelines(finished.raw, data_dir, "feature_extraction")


def passed_over(caplog):
    return sorted(
        message
        for message in caplog.messages
        if message.endswith("is not enabled and was passed over.")
    )


def test_each_run_says_once_which_members_are_not_enabled(extract, caplog):
    members = {*FROZEN_MEMBERS, "concat"} - {"hog"}
    wanted = sorted(f"{member} is not enabled and was passed over." for member in members)
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.INFO, "chajong"):
            extract()
        assert passed_over(caplog) == wanted


def test_a_run_without_a_summary_names_the_files_it_wrote(extract, data_dir, capfd):
    extract()
    printed = capfd.readouterr().out
    _, written = printed.split("Written:")
    assert f"hog.predictions: {data_dir}/07_model_output/hog/predictions.parquet" in written
    assert "timm_frozen" not in written


class TestMissingWeights:
    @pytest.fixture
    def pipeline(self):
        return Pipeline([Node(lambda member: member, "params:siglip", "siglip.encoder", name="n")])

    @pytest.fixture
    def catalog(self):
        def of(**settings):
            encoder = PretrainedParameters(
                library="open_clip", model="ViT-B-16-SigLIP", weights="webli"
            )
            member = EncoderMemberParameters(enabled=True, encoder=encoder, **settings)
            return DataCatalog({"params:siglip": MemoryDataset(member)})

        return of

    def test_a_member_that_may_be_missing_is_switched_off_and_named(
        self, pipeline, catalog, capsys
    ):
        found, hooks = catalog(required=False), RunSummaryHooks()
        hooks.before_pipeline_run(pipeline, found)
        assert not found.load("params:siglip").enabled
        hooks.after_pipeline_run(pipeline, found)
        said = capsys.readouterr().out
        assert "left out     siglip: The published model 'timm/ViT-B-16-SigLIP'" in said
        assert "hf download timm/ViT-B-16-SigLIP" in said
        assert "hog alone, which needs no weights, is a baseline" in said

    def test_a_member_that_is_needed_stays_on_for_its_own_check_to_refuse(self, pipeline, catalog):
        found = catalog()
        assert leave_out_members_without_weights(pipeline, found) == {}
        assert found.load("params:siglip").enabled

    def test_weights_that_can_be_had_are_fetched_once(self, pipeline, catalog, monkeypatch):
        fetched = []
        monkeypatch.setattr("chajong.hooks.fetch_weights", fetched.append)
        found = catalog(required=False)
        assert leave_out_members_without_weights(pipeline, found) == {}
        assert [settings.model for settings in fetched] == ["ViT-B-16-SigLIP"]
