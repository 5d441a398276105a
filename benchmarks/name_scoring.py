"""Names in one pass against one pass per name, for 10 and for all 396 names.

    python -m benchmarks.name_scoring                              # tiny Qwen2.5-VL, random weights
    python -m benchmarks.name_scoring --architecture llava
    python -m benchmarks.name_scoring --hidden 768 --layers 12     # 65 million weights
    python -m benchmarks.name_scoring --model models/Qwen2.5-VL-7B # a local folder of the hub

Both score the same photo and prompt, one photo at a time, with the same network. The one pass reads
photo and prompt once and all names behind them; one pass per name reads photo, prompt and name anew
for every name, without a cache. The names are spelled beforehand, and of 10 names every run has
others. The largest difference of their log-likelihoods stands beside the times.
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

from benchmarks.one_pass_per_name import OnePassPerName
from chajong.device import best_device
from chajong.members.vlm.name_scoring.model import VisionLanguageModel
from chajong.members.vlm.name_scoring.names import NODES_AT_ONCE, NamesInOnePass
from chajong.members.vlm.questions import spoken_names
from chajong.members.vlm.templates import KOREAN
from chajong.names.challenge import challenge_names
from tools.tiny_vlm import LAYERS, WIDTH, make_tiny_llava, make_tiny_qwen

if TYPE_CHECKING:
    from chajong.members.vlm.name_scoring.scoring import CandidateScorer

MAKERS = {"qwen": make_tiny_qwen, "llava": make_tiny_llava}
HINTS = ", ".join(f"{name} (20 %)" for name in spoken_names(challenge_names())[:5])
PROMPT = KOREAN.with_hints.format(hints=HINTS)
"""What fine-tuned models are asked: a question with another member's predictions."""

COUNTS = (10, 396)


def main() -> None:
    """Time both and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        model = _load(arguments, Path(folder))
    size = (arguments.height, arguments.width, 3)
    photo = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    for name in challenge_names():
        model.name_tokens(name)
    tokens = model.prepare([photo], [PROMPT]).mask.sum().item()
    print(
        f"{type(model.network).__name__}, {model.network.num_parameters():,} weights, "
        f"{model.network.dtype}, {model.network.device}, {torch.get_num_threads()} threads; "
        f"photo and prompt have {tokens} tokens\n"
        "  names   one pass   photos/s   one pass per name   ratio   largest difference"
    )
    every = challenge_names() * arguments.repeats
    for count in COUNTS:
        sets = [every[run * count : (run + 1) * count] for run in range(arguments.repeats)]
        together = NamesInOnePass(model, arguments.nodes)
        fast, found = _seconds(together, photo, sets)
        slow, expected = _seconds(OnePassPerName(model), photo, sets[:1])
        difference = (found - expected).abs().max().item()
        print(
            f"  {count:5}   {fast:6.4f} s   {1 / fast:8.2f}   {slow:15.3f} s   {slow / fast:5.1f}"
            f"   {difference:18.1e}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder in the hub's layout; tiny without one")
    parser.add_argument("--architecture", choices=MAKERS, default="qwen", help="of the tiny model")
    parser.add_argument("--hidden", type=int, default=WIDTH, help="width of the tiny model")
    parser.add_argument("--layers", type=int, default=LAYERS, help="of the tiny model")
    parser.add_argument("--height", type=int, default=84, help="of the photo, in pixels")
    parser.add_argument("--width", type=int, default=112, help="of the photo, in pixels")
    parser.add_argument("--nodes", type=int, default=NODES_AT_ONCE, help="tokens read at once")
    parser.add_argument("--repeats", type=int, default=5, help="of the one pass; the median counts")
    return parser.parse_args()


def _load(arguments: argparse.Namespace, scratch: Path) -> VisionLanguageModel:
    if arguments.model is None:
        return tiny_model(
            scratch / "tiny", arguments.architecture, arguments.hidden, arguments.layers
        )
    return _read(arguments.model)


def tiny_model(
    folder: Path, architecture: str = "qwen", width: int = WIDTH, layers: int = LAYERS
) -> VisionLanguageModel:
    """Make a tiny model of random weights in a folder, and read it."""
    words = [*challenge_names(), PROMPT]
    MAKERS[architecture](folder, words, width=width, layers=layers)
    return _read(folder)


def _read(folder: Path) -> VisionLanguageModel:
    device = best_device()
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype)
    processor = AutoProcessor.from_pretrained(folder)
    return VisionLanguageModel(network.eval().to(device), processor)


def _seconds(
    scorer: CandidateScorer, photo: np.ndarray, sets: list[list[str]]
) -> tuple[float, torch.Tensor]:
    """Time the median over sets of names, once all names are spelled and the model is warm."""
    times, scores = [], []
    with torch.inference_mode():
        scorer.log_likelihoods([photo], [PROMPT], [challenge_names()[:2]])
        for names in sets:
            started = time.perf_counter()
            scores.append(scorer.log_likelihoods([photo], [PROMPT], [names]).cpu())
            times.append(time.perf_counter() - started)
    return median(times), scores[0]


if __name__ == "__main__":
    main()
