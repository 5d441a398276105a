"""Photos a second of a training on the CPU: large memory pages, and stages that stay as they were.

    python -m benchmarks.training_speed --model tf_efficientnet_lite0 --steps 12 --rounds 3

Each round trains three times in new processes, a plain classifier with random weights and frozen
batch norm on random photos. Prints the median speeds and their ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys

LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"

STEPS = """
import sys, time, torch
from chajong.members.backbone.backbone import BackboneClassifier
from chajong.members.backbone.network import load_network
from chajong.members.backbone.parameters import BackboneParameters
model_name, steps, side, batch, frozen = sys.argv[1], *map(int, sys.argv[2:])
network = load_network(BackboneParameters(model=model_name, weights="random", image_size=side))
model = BackboneClassifier(network, 100, freeze_batch_norm=True, frozen_stages=frozen).train()
optimiser = torch.optim.AdamW(each for each in model.parameters() if each.requires_grad)
photos = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
labels, share = torch.arange(batch) % 100, torch.ones(batch)
def step():
    optimiser.zero_grad()
    model(photos, labels, labels, share)["loss"].backward()
    optimiser.step()
step()
started = time.perf_counter()
for _ in range(steps):
    step()
print(steps * batch / (time.perf_counter() - started))
"""


def photos_per_second(arguments: argparse.Namespace, large_pages: bool, frozen: int) -> float:
    """Train for some steps in a new process."""
    command = [sys.executable, "-c", STEPS, arguments.model]
    numbers = (arguments.steps, arguments.side, arguments.batch, frozen)
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
    parser.add_argument("--frozen", type=int, default=4, help="stages that are kept")
    arguments = parser.parse_args()
    ways = {
        "pages of 4 KiB": (False, 0),
        "large pages": (True, 0),
        f"and {arguments.frozen} stages frozen": (True, arguments.frozen),
    }
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way, chosen in ways.items():
            speeds[way].append(photos_per_second(arguments, *chosen))
    before = None
    for way, measured in speeds.items():
        median = statistics.median(measured)
        ratio = f", {median / before:.2f} times the line above" if before else ""
        print(f"{way:20} {median:7.1f} photos/s (median of {arguments.rounds}){ratio}")
        before = median


if __name__ == "__main__":
    main()
