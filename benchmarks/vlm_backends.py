"""Photos a second of every way of scoring the same candidates, with one model.

    python -m benchmarks.vlm_backends                               # tiny Qwen2.5-VL
    python -m benchmarks.vlm_backends --model models/Qwen2.5-VL-7B  # a local folder of the hub

Every back-end is asked about the same photos, prompts and names, all photos in one batch. A class
head answers about all 396 names at once and is read for the candidates only. The last column is the
time against names in one pass.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from benchmarks.constrained_generation import ConstrainedGeneration
from benchmarks.one_pass_per_name import OnePassPerName
from chajong.device import best_device
from chajong.members.vlm.name_scoring.class_head import ClassHead, ClassHeadScorer
from chajong.members.vlm.name_scoring.letters import Letters
from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.names.challenge import challenge_names
from tools.tiny_vlm import make_tiny_qwen

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = "이 사진 속 자동차의 정확한 이름은 무엇입니까?"


def main() -> None:
    """Time every back-end and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        model = _load(arguments.model, Path(folder))
    generator = np.random.default_rng(0)
    size = (arguments.photos, arguments.height, arguments.width, 3)
    photos = list(generator.integers(0, 256, size, np.uint8))
    names = challenge_names()[: arguments.candidates]
    asked = (photos, [PROMPT] * len(photos), [names] * len(photos))
    print(
        f"{type(model.network).__name__}, {model.network.num_parameters():,} weights, "
        f"{model.network.dtype}, {model.network.device}, {torch.get_num_threads()} threads; "
        f"{len(photos)} photos, {len(names)} names\n"
        "  back-end                       photos/s   times names in one pass"
    )
    seconds = {
        title: _seconds(lambda run=run: run(*asked), arguments.repeats)
        for title, run in back_ends(model).items()
    }
    for title, taken in seconds.items():
        ratio = taken / seconds["names in one pass"]
        print(f"  {title:30} {len(photos) / taken:8.2f}   {ratio:23.2f}")


def back_ends(model: VisionLanguageModel) -> dict[str, Callable[..., object]]:
    """Name every way of answering, with what answers a batch."""
    names = challenge_names()
    head = ClassHead(model.network.config.get_text_config().hidden_size, len(names))
    head = head.to(model.network.device)
    return {
        "names in one pass": NamesInOnePass(model).score,
        "class head": ClassHeadScorer(model, head, names).score,
        "letters, one order": Letters(model, orders=1).score,
        "letters, three orders": Letters(model, orders=3).score,
        "constrained generation": ConstrainedGeneration(model).answer,
        "one pass a name": OnePassPerName(model).score,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder in the hub's layout; tiny without one")
    parser.add_argument("--photos", type=int, default=8, help="of a batch")
    parser.add_argument("--candidates", type=int, default=10, help="names, at most 26")
    parser.add_argument("--height", type=int, default=84, help="of the photos, in pixels")
    parser.add_argument("--width", type=int, default=112, help="of the photos, in pixels")
    parser.add_argument("--repeats", type=int, default=5, help="runs, of which the median counts")
    return parser.parse_args()


def _load(folder: Path | None, scratch: Path) -> VisionLanguageModel:
    if folder is None:
        folder = scratch / "tiny"
        make_tiny_qwen(folder, [*challenge_names(), PROMPT])
    device = best_device()
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype)
    return VisionLanguageModel(network.eval().to(device), AutoProcessor.from_pretrained(folder))


def _seconds(run: Callable[[], object], repeats: int) -> float:
    run()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return median(times)


if __name__ == "__main__":
    main()
