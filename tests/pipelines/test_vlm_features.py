"""Frozen encoders of vision-language models in the real graph."""

import numpy as np
import pytest

from tools.tiny_vlm import make_tiny_qwen

BUDGET = {"max_pixels": 56 * 84, "aspect_ratio": 1.5}
SOON = {"kinds": ["prototypes"], "shrinkages": [0.3]}
# The mean patch and the mean token of a tiny model, and one hidden state of its language model.
WIDTHS = {"qwen_tower": 32 + 64, "qwen_language": 64}


@pytest.fixture(scope="module")
def extracted(rendered, tmp_path_factory, run_pipelines):
    folder = tmp_path_factory.mktemp("vlm")
    make_tiny_qwen(folder / "qwen", ["What is the make of this car?"])
    model = {"model": "tiny", "weights": f"{folder / 'qwen'}/", **BUDGET}
    libraries = {"qwen_tower": "vlm_tower", "qwen_language": "vlm_language"}
    members = {
        member: {"kind": "frozen", "encoder": model | {"library": library}, "heads": SOON}
        for member, library in libraries.items()
    }
    run_pipelines(rendered, folder / "data", "data_processing", "feature_extraction", **members)
    return folder / "data"


@pytest.mark.parametrize("member", WIDTHS)
def test_a_vision_language_model_becomes_a_member(member, extracted, load_dataset):
    photos, features, predictions = (
        load_dataset("unused", extracted, name)
        for name in ("photos", f"{member}.features", f"{member}.predictions")
    )
    readable = photos.loc[photos["status"] == "ok", "photo_id"]
    assert features.photo_ids == tuple(readable)
    assert features.matrix.shape == (len(readable), WIDTHS[member])
    assert np.isfinite(predictions.log_probabilities).all()
