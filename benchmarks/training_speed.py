"""Photos a second of a training on the CPU, by how memory is asked for.

    python -m benchmarks.training_speed --model tf_efficientnet_lite0 --steps 12 --rounds 3

Each round trains in new processes, a plain classifier with random weights on random photos: with
small memory pages, with large ones, and with large ones where freed memory is kept from step to
step as well. Prints median speeds and ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"

STEPS = """
import sys, time, torch
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.parameters import BackboneParameters
from chajong.training.memory import keep_freed_memory
model_name, steps, side, batch, kept = sys.argv[1], *map(int, sys.argv[2:])
model = build_backbone(
    BackboneParameters(model=model_name, weights="random", image_size=side), class_count=100
)
optimiser = torch.optim.AdamW(model.parameters())
photos = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
labels, share = torch.arange(batch) % 100, torch.ones(batch)
def step():
    optimiser.zero_grad()
    model(photos, labels, labels, share)["loss"].backward()
    optimiser.step()
if kept:
    keep_freed_memory()
step()
started = time.perf_counter()
for _ in range(steps):
    step()
print(steps * batch / (time.perf_counter() - started))
"""


WAYS = {
    "pages of 4 KiB": (False, False),
    "large pages": (True, False),
    "large pages, freed memory kept": (True, True),
}
"""Whether pages are large, and whether freed memory is kept."""


def photos_per_second(arguments: argparse.Namespace, large_pages: bool, kept: bool) -> float:
    """Train for some steps in a new process."""
    command = [sys.executable, "-c", STEPS, arguments.model]
    numbers = (arguments.steps, arguments.side, arguments.batch, int(kept))
    command += [str(number) for number in numbers]
    environment = {**os.environ, LARGE_PAGES: "1" if large_pages else "0"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    """Measure all ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way, settings in WAYS.items():
            speeds[way].append(photos_per_second(arguments, *settings))
    medians = {way: statistics.median(measured) for way, measured in speeds.items()}
    slowest = medians["pages of 4 KiB"]
    print(f"photos/s (median of {arguments.rounds}), and against pages of 4 KiB")
    for way, median in medians.items():
        print(f"{way:32}{median:7.1f}{median / slowest:7.2f}")


if __name__ == "__main__":
    main()
