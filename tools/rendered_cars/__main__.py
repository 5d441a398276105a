"""Render cars of any number into a folder in the challenge's layout, for scale tests.

python -m tools.rendered_cars path/to/photos --models 100
python -m tools.rendered_cars path/to/photos --names challenge --models 396 --train-photos 84
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from chajong.names.challenge import challenge_names
from tools.rendered_cars.sample_names import sample_names, unseen_names
from tools.rendered_cars.write import SAMPLE_SEED, write_rendered_photos

Names = Callable[[int], Sequence[str]]

NAMES: dict[str, Names] = {
    "invented": sample_names,
    "unseen": lambda count: unseen_names(count, SAMPLE_SEED),
    "challenge": lambda count: challenge_names()[:count],
}
"""Invented models, the shipped sample's first; such that the sample does not have; real names."""


def main() -> None:
    """Render what the command line asks for."""
    parser = argparse.ArgumentParser(description="Render cars in the challenge's layout.")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--names", choices=NAMES, default="invented", help="whose models")
    parser.add_argument("--models", type=int, default=24, help="how many models")
    parser.add_argument("--train-photos", type=int, default=24, help="train photos of each")
    parser.add_argument("--test-photos", type=int, default=6, help="test photos of each")
    parser.add_argument("--width", type=int, default=160, help="in pixels")
    parser.add_argument("--height", type=int, default=100, help="in pixels")
    parser.add_argument("--seed", type=int, default=SAMPLE_SEED, help="of everything drawn")
    arguments = parser.parse_args()
    names = NAMES[arguments.names](arguments.models)
    if len(names) < arguments.models:
        parser.error(f"there are {len(names)} such names, not {arguments.models}: lower --models")
    write_rendered_photos(
        arguments.folder,
        tuple(names),
        train_per_class=arguments.train_photos,
        test_per_class=arguments.test_photos,
        seed=arguments.seed,
        size=(arguments.width, arguments.height),
    )


if __name__ == "__main__":
    main()
