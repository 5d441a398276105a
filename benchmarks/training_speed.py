"""Photos a second of a training on the CPU, with and without large memory pages.

    python -m benchmarks.training_speed --model tf_efficientnet_lite0 --steps 12 --rounds 3

Each round trains twice in new processes, a plain classifier with random weights on random photos.
Prints the median speed of both and their ratio.
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
model_name, steps, side, batch = sys.argv[1], *map(int, sys.argv[2:])
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
step()
started = time.perf_counter()
for _ in range(steps):
    step()
print(steps * batch / (time.perf_counter() - started))
"""


def photos_per_second(arguments: argparse.Namespace, large_pages: bool) -> float:
    """Train for some steps in a new process."""
    command = [sys.executable, "-c", STEPS, arguments.model]
    command += [str(number) for number in (arguments.steps, arguments.side, arguments.batch)]
    environment = {**os.environ, LARGE_PAGES: "1" if large_pages else "0"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    """Measure both ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    speeds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(arguments.rounds):
        for large_pages, measured in speeds.items():
            measured.append(photos_per_second(arguments, large_pages))
    small, large = (statistics.median(speeds[large_pages]) for large_pages in (False, True))
    print(f"pages of 4 KiB  {small:7.1f} photos/s (median of {arguments.rounds})")
    print(f"large pages     {large:7.1f} photos/s")
    print(f"ratio           {large / small:7.2f}")


if __name__ == "__main__":
    main()
