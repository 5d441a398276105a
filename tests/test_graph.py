from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from chajong.graph import node

if TYPE_CHECKING:
    from pathlib import Path


class Settings(BaseModel):
    width: int = 1


def measure(photos: Path, parameters: Settings, encoder: Settings = Settings()) -> Path:  # noqa: B008
    return photos / f"{parameters.width}{encoder.width}"


def test_a_node_shows_the_models_of_all_its_parameters_and_nothing_else():
    made = node(measure, ["photos", "params:a", "params:b"], "path", name="measure")
    assert made.func.__annotations__ == {"parameters": Settings, "encoder": Settings}


def test_a_node_does_what_its_function_does(tmp_path):
    made = node(measure, ["photos", "params:a"], "path", name="measure")
    given = {"photos": tmp_path, "params:a": Settings(width=2)}
    assert made.run(given) == {"path": tmp_path / "21"}
