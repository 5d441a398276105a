"""A dry check of the presets: built, run for a step as a small copy, and sized, without weights.

    python -m tools.check_presets gpu24 gpu80 writeup

Every model of a preset is built at its full size on a device without numbers, which tells an
unknown model or tag; the memory of a pass at the preset's own batch and image size is counted from
the shapes of its tensors; and a small copy of the same family trains for one step on the CPU. The
figures are estimates: no GPU is touched. The exit status is 1 where something fails or does not
fit.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from chajong.configuration import members_of as read_environment
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import HogParameters
from chajong.members.kinds.vlm import VlmMemberParameters
from chajong.members.vlm.name_scoring.trie import build_trie
from chajong.members.vlm.parameters import HintsParameters
from chajong.training.errors import TrainingError
from tools.presets.cost import prediction_cost, training_cost
from tools.presets.qwen_tokens import name_tokens
from tools.presets.small_step import step_on_small_copy
from tools.presets.vlm_cost import END, vlm_scoring_cost, vlm_training_cost
from tools.presets.vlm_small_step import vlm_step_on_small_copy

if TYPE_CHECKING:
    from tools.presets.cost import Cost

CONFIGURATION = Path(__file__).parents[1] / "conf"

MEMORY = {"gpu24": 24, "gpu80": 80, "writeup": 24}
"""GB of the GPU that a preset is for."""

SPEED = {"gpu24": 66e12, "gpu80": 125e12, "writeup": 66e12}
"""Operations a second: 40 % of the bfloat16 peak of an RTX 4090 (24 GB) and of an A100 (80 GB), as
large matrix products reach; depth-wise convolutions, which wait for memory, are slower."""

TRAINING_PHOTOS = 26_500
"""Photos of the challenge that a fold's model trains on."""

ALL_PHOTOS = 41_400

TITLES = ("preset", "member", "model", "M", "pixels", "photos", "GB", "of", "hours", "step")


@dataclass(frozen=True)
class Row:
    """What was found about a member of a preset.

    Attributes:
        environment: The preset.
        member: The member.
        model: The model's name.
        cost: What it takes, None where it could not be built.
        hours: For one fold's training, or for all photos where nothing is trained.
        step: What became of the small copy.
        problem: Why the member will not run, empty where it will.
    """

    environment: str
    member: str
    model: str
    cost: Cost | None
    hours: float
    step: str
    problem: str


def main() -> None:
    """Check the presets named and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environments", nargs="*", default=list(MEMORY), help="names under conf/")
    rows = []
    print(_line(list(TITLES)))
    for environment in parser.parse_args().environments:
        for name, parameters in members_of(environment).items():
            found = [check_member(environment, name, parameters)]
            if isinstance(parameters, VlmMemberParameters):
                found += check_questions(environment, name, parameters)
            rows += found
            print(*(_line(_cells(row)) for row in found), sep="\n", flush=True)
    problems = [f"{row.environment} {row.member}: {row.problem}" for row in rows if row.problem]
    print("\nGB and hours are estimates from the models' shapes; nothing ran on a GPU.")
    print("Hours are for one fold's training, or for all photos where nothing is trained.")
    print(_names_as_tokens())
    sys.exit("\n".join(problems) or 0)


def members_of(environment: str, configuration: Path = CONFIGURATION) -> dict[str, Any]:
    """Read the parameters of a preset's members that have a model, by name."""
    return {
        member.name: member.parameters
        for member in read_environment(configuration, environment)
        if hasattr(member.parameters, "model") or not _is_hog(member.parameters)
    }


def _is_hog(parameters: Any) -> bool:
    return isinstance(getattr(parameters, "encoder", HogParameters()), HogParameters)


def check_member(environment: str, member: str, parameters: Any) -> Row:
    """Check one member of a preset.

    Args:
        environment: The preset.
        member: The member's name.
        parameters: Its parameters.

    Returns:
        What was found.
    """
    trained = getattr(parameters, "training", None) is not None
    model = parameters.encoder if hasattr(parameters, "encoder") else parameters.model
    try:
        cost = _cost(model, parameters)
    except (EncoderError, TrainingError) as error:
        return Row(environment, member, model.model, None, 0.0, "", str(error))
    passes = TRAINING_PHOTOS * parameters.training.epochs if trained else ALL_PHOTOS
    hours = cost.operations * passes / SPEED[environment] / 3600
    problem, step = _too_large(environment, model.model, cost), "not trained"
    if trained:
        try:
            step = f"loss {_step(model, parameters):.1f}"
        except (EncoderError, TrainingError) as error:
            problem, step = f"{problem} {error}".strip(), "failed"
    return Row(environment, member, model.model, cost, hours, step, problem)


def check_questions(environment: str, name: str, parameters: VlmMemberParameters) -> list[Row]:
    """Size what a vision-language model takes to answer about few names and about all of them.

    Args:
        environment: The preset.
        name: The member's name.
        parameters: Its parameters.

    Returns:
        What was found; hours are for all photos, though `ask_below` leaves most of them out.
    """
    model = parameters.model
    asked = {
        f"{name}, {model.candidates} names": parameters.hints,
        f"{name}, all names": HintsParameters(),
    }
    rows = []
    for title, hints in asked.items():
        try:
            cost = vlm_scoring_cost(model, hints)
        except EncoderError as error:
            rows.append(Row(environment, title, model.model, None, 0.0, "", str(error)))
            continue
        hours = cost.operations * ALL_PHOTOS / SPEED[environment] / 3600
        problem = _too_large(environment, model.model, cost)
        rows.append(Row(environment, title, model.model, cost, hours, "not trained", problem))
    return rows


def _names_as_tokens() -> str:
    spelled = name_tokens().values()
    trie = build_trie([(*tokens, END) for tokens in spelled])
    return (
        f"Qwen spells a name with {mean(map(len, spelled)):.1f} tokens; all {len(spelled)} make a "
        f"trie of {trie.inner} tokens that others follow."
    )


def _cost(model: Any, parameters: Any) -> Cost:
    training = getattr(parameters, "training", None)
    if not isinstance(parameters, VlmMemberParameters):
        return training_cost(model, training) if training else prediction_cost(model)
    if parameters.training is None:
        return vlm_scoring_cost(model, parameters.hints)
    return vlm_training_cost(model, parameters.training, parameters.hints)


def _step(model: Any, parameters: Any) -> float:
    training = parameters.training
    if isinstance(parameters, VlmMemberParameters):
        return vlm_step_on_small_copy(model, training, parameters.hints)
    return step_on_small_copy(model, training)


def _too_large(environment: str, model: str, cost: Cost) -> str:
    if cost.memory_gb <= MEMORY[environment]:
        return ""
    return (
        f"{model!r} needs about {cost.memory_gb:.0f} GB of {MEMORY[environment]}: raise "
        "`training.gradient_accumulation` or lower `batch_size`."
    )


def _cells(row: Row) -> list[str]:
    start = [row.environment, row.member, row.model]
    if row.cost is None:
        return [*start, *["-"] * 6, "not built"]
    height, width = row.cost.image_size
    return [
        *start,
        f"{row.cost.parameters / 1e6:.0f}",
        f"{height}x{width}",
        str(row.cost.photos),
        f"{row.cost.memory_gb:.1f}",
        str(MEMORY[row.environment]),
        f"{row.hours:.1f}",
        row.step,
    ]


def _line(cells: list[str]) -> str:
    widths = (7, 14, 54, 5, 8, 6, 5, 3, 5, 0)
    padded = (
        cell.ljust(width) if place in {0, 1, 2, 9} else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()


if __name__ == "__main__":
    main()
