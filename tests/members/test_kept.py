"""What is kept is what was made, and is made again whenever anything that it depends on differs."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from chajong.members import kept
from chajong.members.checkpoint import Checkpoint
from chajong.members.kept import content_key, kept_outputs
from chajong.predictions.contract import Predictions

NAMES = ("predictions", "checkpoint", "metrics", "table")


@dataclass(frozen=True)
class Part:
    value: object


class Settings(BaseModel):
    value: int


DIFFERENT = (
    None,
    0,
    1,
    True,
    1.0,
    "1",
    "차",
    [],
    [1],
    [[1]],
    {},
    {"a": 1},
    {"a": [1]},
    {"1": 1},
    {1: 1},
    np.zeros(2, np.float32),
    np.zeros(2, np.float64),
    np.zeros((2, 1), np.float32),
    np.array(["a"]),
    torch.zeros(2),
    torch.zeros(2, dtype=torch.bfloat16),
    torch.zeros(4, dtype=torch.int16),
    torch.tensor(0.0),
    pd.DataFrame({"a": [0.1]}),
    pd.DataFrame({"a": [0.1 + 1e-16]}),
    pd.DataFrame({"b": [0.1]}),
    pd.DataFrame({"a": [["x", "y"]]}),
    pd.DataFrame({"a": [["x y"]]}),
    Settings(value=1),
    Part(1),
    Part([1]),
)


def test_what_differs_has_another_key():
    keys = [content_key(value) for value in DIFFERENT]
    same = [
        (DIFFERENT[first], DIFFERENT[second])
        for first in range(len(keys))
        for second in range(first)
        if keys[first] == keys[second]
    ]
    assert not same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@settings(max_examples=30)
@given(json_values, json_values)
def test_json_values_have_one_key_only_where_they_are_equal(first, second):
    written = [json.dumps(value, sort_keys=True) for value in (first, second)]
    assert (content_key(first) == content_key(second)) == (written[0] == written[1])


def test_neither_order_nor_layout_is_content():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    matrix = np.arange(6).reshape(2, 3)
    assert content_key(matrix.T) == content_key(np.ascontiguousarray(matrix.T))
    table = pd.DataFrame({"a": [1, 2, 3]})
    assert content_key(table[table["a"] > 1].reset_index(drop=True)) == content_key(
        pd.DataFrame({"a": [2, 3]})
    )


def test_what_is_not_known_has_no_key():
    with pytest.raises(TypeError, match="The content of a object is not known"):
        content_key({"a": [object()]})


@pytest.fixture
def outputs():
    rows = pd.DataFrame(
        {"photo_id": ["차"], "split": ["test"], "fold": [0], "label_counts": [False]}
    )
    values = np.log(np.array([[0.25, 0.75]], np.float32))
    checkpoint = Checkpoint({"fold_0.a": torch.ones(3), "proof": torch.zeros(2)}, {"kind": "k"})
    metrics = {"log_loss": 1 / 3, "folds": [0, 1]}
    table = pd.DataFrame({"name": ["쏘나타"], "loss": [1 / 3]})
    return Predictions(rows, values, ("a", "b"), "hash"), checkpoint, metrics, table


@pytest.fixture
def take(tmp_path, outputs):
    """Take the outputs, and count how often they were made."""

    class Take:
        made = 0

        def __call__(self, depends_on):
            return kept_outputs(tmp_path / "predict", depends_on, NAMES, self.make)

        def make(self):
            self.made += 1
            return outputs

    return Take()


def test_what_was_made_is_taken_again(take, outputs):
    take({"a": 1})
    predictions, checkpoint, metrics, table = take({"a": 1})
    assert take.made == 1
    np.testing.assert_array_equal(predictions.log_probabilities, outputs[0].log_probabilities)
    pd.testing.assert_frame_equal(predictions.rows, outputs[0].rows)
    assert predictions.contract == "hash"
    assert checkpoint.configuration == outputs[1].configuration
    assert checkpoint.tensors.keys() == outputs[1].tensors.keys()
    assert torch.equal(checkpoint.tensors["fold_0.a"], torch.ones(3))
    assert metrics == outputs[2]
    pd.testing.assert_frame_equal(table, outputs[3])


def test_what_depends_on_something_else_is_made_anew(take):
    for number, depends_on in enumerate(({"a": 1}, {"a": 2}, {"a": 1}), start=1):
        take(depends_on)
        assert take.made == number


OTHERS = {
    "program": "other code",
    "library_versions": {"torch": "0"},
    "arithmetic_here": kept.arithmetic_here("float16"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_code_and_another_device_make_it_anew(take, monkeypatch, other):
    take({})
    monkeypatch.setattr(kept, other, lambda *_: OTHERS[other])
    take({})
    assert take.made == 2


@pytest.mark.parametrize(
    "file", ["key.txt", "metrics.json", "predict.predictions", "checkpoint/fold_0.safetensors"]
)
def test_what_was_damaged_is_made_anew(take, tmp_path, file, caplog):
    take({})
    path = tmp_path / "predict" / file.replace("predict.", "predictions.")
    path.write_bytes(path.read_bytes() + b" ")
    take({})
    assert take.made == 2
    assert "is damaged" in caplog.text
    take({})
    assert take.made == 2
