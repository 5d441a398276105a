"""Licences and dates of weights against a rule."""

from datetime import date
from pathlib import Path

import pytest

from chajong.configuration import members_of
from chajong.members.cards.weights import (
    UsedWeights,
    WeightsRule,
    WeightsRuleError,
    check_weights,
    describe_weights,
    last_day,
    published_weights,
    used_weights,
)

PROJECT = Path(__file__).parents[3]
SHIPPED = PROJECT / "data" / "06_models"
QWEN = UsedWeights("qwen_tower", "Qwen/Qwen2.5-VL-7B-Instruct", "hub")
UNKNOWN = UsedWeights("timm_frozen", "tf_efficientnet_lite0", "path/to/lite0.safetensors")
CHALLENGE = {"published_before": date(2025, 5, 19)}


def check(used, **rule):
    described = describe_weights(used, WeightsRule(**rule))
    check_weights(described, WeightsRule(**rule))
    return described


def test_known_weights_are_looked_up():
    (row,) = check([QWEN], **CHALLENGE).to_dict("records")
    assert row["licence"] == "Apache-2.0"
    assert row["published"] == "2025-01"


@pytest.mark.parametrize(
    ("published", "allowed"),
    [("2025-05-18", True), ("2025-05-19", False), ("2025-05", False), ("2024", True)],
)
def test_the_day_itself_is_too_late_and_a_month_counts_by_its_end(published, allowed):
    declared = [{"model": UNKNOWN.model, "licence": "MIT", "published": published}]
    rule = {**CHALLENGE, "declared": declared}
    if allowed:
        check([UNKNOWN], **rule)
    else:
        with pytest.raises(WeightsRuleError, match=f"published {published}, not before 2025-05-19"):
            check([UNKNOWN], **rule)


def test_every_offender_is_named_with_the_fix():
    other = UsedWeights("clip", "ViT-H-14-378-quickgelu", "dfn5b")
    with pytest.raises(WeightsRuleError) as refused:
        check([QWEN, UNKNOWN, other], **CHALLENGE, licences=("Apache-2.0",))
    message = str(refused.value)
    assert "timm_frozen: tf_efficientnet_lite0 (lite0.safetensors) has no known date" in message
    assert "clip: ViT-H-14-378-quickgelu (dfn5b) is under apple-ascl" in message
    assert "qwen_tower" not in message
    assert "ensembling.leave_out" in message


def test_without_a_rule_everything_passes():
    assert len(check([QWEN, UNKNOWN])) == 2


def test_what_the_project_made_itself_passes():
    own = UsedWeights("clip_frozen", "small_clip", str(SHIPPED / "small_clip"))
    (row,) = check([own], **CHALLENGE, licences=("Apache-2.0",)).to_dict("records")
    assert row["note"] == "own"
    assert row["weights"] == "small_clip"


def test_a_name_alone_is_no_proof_of_own_weights(tmp_path):
    for weights in (tmp_path / "their_small_clip", tmp_path / "small_clip"):
        weights.mkdir()
        (weights / "open_clip_model.safetensors").write_bytes(b"made elsewhere")
        with pytest.raises(WeightsRuleError, match="has no known date"):
            check([UsedWeights("clip", "ViT-B-32", str(weights))], **CHALLENGE)


def test_a_local_name_model_is_not_taken_for_the_published_one_of_its_name(tmp_path, monkeypatch):
    named = published_weights().query("weights == 'hub'")["model"].iloc[0]
    folder = tmp_path / named
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (used,) = used_weights({"fusion": {"model": {"name_model": named}}})
    with pytest.raises(WeightsRuleError, match=f"fusion: {folder.name} .* has no known date"):
        check([used], **CHALLENGE)


def test_weights_are_found_wherever_a_configuration_names_them():
    found = used_weights(
        {
            "hog": {"made_by": {"encoder": {"library": "hog"}, "name_model": "characters"}},
            "clip_frozen": {
                "made_by": {
                    "encoder": {"library": "open_clip", "model": "ViT-B-32", "weights": "openai"},
                    "name_model": "snunlp/KR-SBERT-V40K-klueNLI-augSTS",
                }
            },
            "backbone": {"model": {"model": "resnet18", "weights": "random"}},
        }
    )
    assert set(found) == {
        UsedWeights("clip_frozen", "ViT-B-32", "openai"),
        UsedWeights("clip_frozen", "snunlp/KR-SBERT-V40K-klueNLI-augSTS", "hub"),
    }


def test_what_adapters_belong_to_is_told_once_and_with_its_commit():
    """Its identity names a commit, which is no file and in no table."""
    commit = "0123456789" * 4
    model = {"model": QWEN.model, "weights": "hub", "revision": commit}
    base = {"model": QWEN.model, "weights": f"{QWEN.model}@{commit}", "quantisation": "nf4"}
    found = used_weights({"vlm": {"model": model, "base": base}})
    assert found == [UsedWeights("vlm", QWEN.model, "hub", commit)]
    check(found, **CHALLENGE)


def test_a_branch_is_no_commit():
    model = {"model": QWEN.model, "weights": "hub", "revision": "main"}
    assert used_weights({"vlm": {"model": model}}) == [UsedWeights("vlm", QWEN.model, "hub")]


def test_no_folder_of_the_machine_is_told():
    (row,) = describe_weights([UNKNOWN], WeightsRule()).to_dict("records")
    assert row["weights"] == "lite0.safetensors"


@pytest.mark.parametrize("environment", ["quick", "cpu", "gpu24", "gpu80", "writeup"])
def test_the_presets_are_in_the_table(environment):
    members = members_of(PROJECT / "conf", environment)
    used = used_weights({each.name: each.parameters.model_dump() for each in members})
    described = describe_weights(used, WeightsRule())
    unknown = described[(described["licence"] == "") | (described["published"] == "")]
    assert len(described)
    assert unknown.empty, unknown.to_string()


def test_a_revision_is_a_whole_commit_or_left_open():
    revisions = published_weights()["revision"]
    assert revisions.str.fullmatch("[0-9a-f]{40}|").all()


def test_the_page_about_weights_states_each_revision():
    page = (PROJECT / "docs" / "weights.md").read_text(encoding="utf-8")
    lines = page.splitlines()
    for row in published_weights().to_dict("records"):
        commit = f"`{row['revision']}`" if row["revision"] else "unconfirmed"
        stated = f" | `{row['repository']}` | {commit} | "
        assert any(line.startswith(f"| `{row['model']}` |") and stated in line for line in lines)


@pytest.mark.parametrize(
    ("published", "day"),
    [
        ("2024", date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 29)),
        ("2023-10-30", date(2023, 10, 30)),
    ],
)
def test_a_vague_date_counts_by_its_last_day(published, day):
    assert last_day(published) == day
