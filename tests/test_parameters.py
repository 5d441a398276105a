"""How one seed reaches what is drawn at random."""

import ast
from pathlib import Path

from chajong.parameters import Seeded, Strict

PROJECT = Path(__file__).parents[1]

FIXED = {
    # photos of noise that two computations are compared on
    "src/chajong/members/onnx/export.py",
    # features that only time is measured with
    "src/chajong/members/cost.py",
    # a search for directions that finds nearly the same ones from any start
    "src/chajong/members/heads/whitening.py",
    # vectors of the right shape, where only memory counts
    "tools/presets/building.py",
    # the model that the project ships
    "tools/small_clip.py",
}
"""Where a number in the code is the seed."""


class Part(Strict):
    width: int = 1
    seed: int = 0


class Plain(Strict):
    width: int = 1


class Block(Seeded):
    model: Part = Part(width=2)
    training: Part | None = None
    head: Part | Plain = Plain()


def test_a_block_hands_its_seed_to_its_parts():
    block = Block.model_validate({"seed": 7, "training": {"width": 3}, "head": {"width": 4}})
    assert (block.model.seed, block.training.seed, block.head.seed) == (7, 7, 7)
    assert (block.model.width, block.training.width, block.head.width) == (2, 3, 4)


def test_a_part_with_a_seed_of_its_own_keeps_it():
    block = Block.model_validate({"seed": 7, "model": {"seed": 0}})
    assert block.model.seed == 0


def test_parts_that_are_absent_or_have_no_seed_stay():
    block = Block.model_validate({"seed": 7, "training": None})
    assert block.training is None
    assert block.head == Plain()


def seeds_in_code(path):
    """Give the lines on which a random generator gets a number."""
    calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return [call.lineno for call in calls if isinstance(call, ast.Call) and gets_a_number(call)]


def gets_a_number(call):
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = call.args[:1] if name in {"default_rng", "manual_seed", "RandomState"} else []
    given += [word.value for word in call.keywords if word.arg in {"random_state", "seed"}]
    return any(isinstance(value, ast.Constant) for value in given)


def test_no_number_in_the_code_is_a_seed():
    found = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("src", "tools")
        for path in (PROJECT / folder).rglob("*.py")
        if seeds_in_code(path)
    }
    assert found == FIXED
