"""Local weights that travel with what is saved, and are found nowhere else."""

import json

import pytest

from chajong.inside import OutsideError
from chajong.members.local_weights import copy_weights, find_weights


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "내 모델"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.mark.parametrize(
    "named",
    [
        lambda folder: {"library": "timm", "model": "resnet50", "weights": f"{folder}/"},
        lambda folder: {"library": "open_clip", "model": f"local-dir:{folder}", "weights": "hub"},
        lambda folder: {"library": "transformers", "model": str(folder), "weights": "hub"},
        lambda folder: {"made_by": [{"name_model": str(folder)}]},
    ],
)
def test_whatever_names_a_folder_names_its_copy(named, weights, tmp_path):
    settings, saved = named(weights), tmp_path / "saved"
    saved.mkdir()
    kept = copy_weights(settings, saved, {})
    assert str(weights) not in json.dumps(kept, ensure_ascii=False)
    found = json.dumps(find_weights(kept, saved), ensure_ascii=False)
    copy = saved / "weights" / "0_내 모델"
    assert str(copy) in found
    assert (copy / "model.safetensors").read_bytes() == b"weights"
    assert found.replace(str(copy), "X") == json.dumps(named("X"), ensure_ascii=False).replace(
        "X/", "X"
    )


def test_what_the_hub_has_stays_a_reference(tmp_path):
    settings = {
        "model": "owner/name",
        "weights": "hub",
        "name_model": "intfloat/multilingual-e5-small",
        "base": {"weights": "/not/a/setting"},
    }
    assert copy_weights(settings, tmp_path, {}) == settings
    assert find_weights(settings, tmp_path) == settings


@pytest.mark.parametrize("key", ["weights", "name_model", "model"])
def test_what_lies_elsewhere_is_not_found(key, weights, tmp_path):
    saved = tmp_path / "saved"
    for named in (str(weights), "inside:../내 모델", f"inside:{weights}"):
        with pytest.raises(OutsideError):
            find_weights({"made_by": {key: named}}, saved)
    with pytest.raises(OutsideError):
        find_weights({"model": f"local-dir:{weights}"}, saved)
