"""What a person sees of members that are not enabled, and at the end of a run."""

import logging

import pytest

from chajong.probabilities.members import FROZEN_MEMBERS


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
