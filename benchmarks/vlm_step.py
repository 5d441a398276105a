"""A training step and the scoring of names by a fine-tuned vision-language model, timed.

    python benchmarks/vlm_step.py                                        # 7B on a GPU, else tiny
    python benchmarks/vlm_step.py --model Qwen/Qwen2.5-VL-3B-Instruct --preset gpu80

The network has the published configuration and random weights, which cost what the real ones cost:
they are drawn layer by layer and packed into 4 bits at once, so that the whole model is never in
memory in bfloat16. Nothing is downloaded: the tokenizer is learned from the challenge's names. The
settings are those of a preset. Without a GPU the tiny model of the tests is timed instead.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import bitsandbytes
import numpy as np
import torch
from accelerate import init_empty_weights
from presets import members_of
from transformers import AutoModelForImageTextToText

from chajong.device import best_device
from chajong.models.encoders.vlm_towers import input_shape
from chajong.models.presets.published import QWEN, published_configuration
from chajong.models.presets.vlm_cost import example_names, example_questions
from chajong.models.presets.vlm_small_step import SMALL
from chajong.models.vlm.names import NamesInOnePass
from chajong.models.vlm.tiny import make_tiny_qwen
from chajong.models.vlm_finetune.adapters import add_adapters
from chajong.models.vlm_finetune.base_model import (
    is_in_four_bits,
    load_processor,
    working_precision,
)
from chajong.models.vlm_finetune.classifier import VlmClassifier, build_vlm_classifier
from chajong.models.vlm_finetune.questions import spoken_names
from chajong.names.challenge import challenge_names
from chajong.training.layer_decay import parameter_groups
from chajong.training.moving_average import MovingAverage

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.models.vlm_finetune.parameters import (
        VlmClassifierParameters,
        VlmTrainingParameters,
    )

TINY = "tiny"
SPREAD = 0.02
"""Of random weights, as transformers draws them."""

SPECIAL = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
"""Tokens that a configuration names by their numbers, which are others in the tiny tokenizer."""


def main() -> None:
    """Time a step and the scoring of few names and of all, and print the table."""
    arguments = _arguments()
    preset = members_of(arguments.preset)["vlm"]
    with tempfile.TemporaryDirectory() as folder:
        model = _model(arguments.model, preset.model, Path(folder))
    _describe(model, arguments)
    photos, step = preset.training.batch_size, _training_step(model, preset.training)
    _report(f"training step of {photos} photos", photos, step, arguments.steps)
    for title, photos, ask in _scorings(model):
        _report(title, photos, ask, arguments.steps)
    if arguments.model == TINY:
        print("These figures are of the tiny model; they say nothing about the models of presets.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", choices=(*QWEN, TINY), default=next(iter(QWEN)))
    parser.add_argument("--preset", choices=("gpu24", "gpu80"), default="gpu24")
    parser.add_argument("--steps", type=int, default=5, help="the median counts; one more warms up")
    arguments = parser.parse_args()
    if not torch.cuda.is_available() and arguments.model != TINY:
        print(f"There is no GPU for {arguments.model}: the tiny model runs on the CPU instead.")
        arguments.model = TINY
    return arguments


def _model(name: str, parameters: VlmClassifierParameters, folder: Path) -> VlmClassifier:
    names = example_names(parameters)
    prompts = [question.prompt for question in example_questions(parameters, 20)]
    make_tiny_qwen(folder, [*names, *prompts])
    small = parameters.model_copy(update={**SMALL, "weights": str(folder)})
    if name == TINY:
        return build_vlm_classifier(small, names, trained=True)
    kept = ("max_pixels", "aspect_ratio")
    own_size = small.model_copy(update={each: getattr(parameters, each) for each in kept})
    processor = load_processor(own_size)
    config = published_configuration(name)
    for name_in_config, token in SPECIAL.items():
        setattr(config, name_in_config, processor.tokenizer.convert_tokens_to_ids(token))
    adapted = add_adapters(random_network(config), own_size)
    image_size = input_shape(config, own_size)
    return VlmClassifier(adapted, processor, names, own_size, image_size).train()


def random_network(config: Any) -> Any:
    """Draw a network of random weights, its language model's linear layers in 4 bits.

    Args:
        config: Its configuration.

    Returns:
        The network on the best device there is, frozen.
    """
    device, precision = best_device(), working_precision()
    with init_empty_weights():
        network: Any = AutoModelForImageTextToText.from_config(
            config, dtype=precision, attn_implementation="sdpa"
        )
    for name, layer in list(network.named_modules()):
        for part, weight in layer.named_parameters(recurse=False):
            drawn = torch.empty(weight.shape, dtype=precision, device=device)
            drawn = drawn.normal_(std=SPREAD) if weight.ndim > 1 else drawn.fill_(1.0)
            setattr(layer, part, torch.nn.Parameter(drawn, requires_grad=False))
        if isinstance(layer, torch.nn.Linear) and is_in_four_bits(name):
            network.set_submodule(name, _packed(layer))
    network.tie_weights()
    network.is_loaded_in_4bit = True  # which peft asks
    return network.to(device).requires_grad_(False)


def _packed(layer: torch.nn.Linear) -> torch.nn.Module:
    """Pack a layer as `load_network` does."""
    with torch.device("meta"):
        packed = bitsandbytes.nn.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=layer.weight.dtype,
            quant_type="nf4",
        )
    packed.weight = bitsandbytes.nn.Params4bit(
        layer.weight.data, requires_grad=False, quant_type="nf4", module=packed
    ).to(layer.weight.device)
    packed.bias = layer.bias
    return packed


def _describe(model: VlmClassifier, arguments: argparse.Namespace) -> None:
    reader, (height, width) = model.reader, model.image_size
    question = example_questions(model.settings, 1)[0]
    photo = np.zeros((height, width, 3), np.uint8)
    tokens = reader.prepare([photo], [question.prompt]).mask.sum().item()
    of_a_name = mean(len(reader.name_tokens(name)) for name in model.names)
    device = reader.network.device
    hardware = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(
        f"{arguments.model} with the settings of {arguments.preset}, random weights, {hardware}; "
        f"photos of {height} x {width}, {tokens} tokens with the prompt, {of_a_name:.0f} a name\n"
        f"  {'':32}  photos/s    seconds         GB"
    )


def _report(title: str, photos: int, work: Callable[[], object], repeats: int) -> None:
    """Time some work on photos, and print its line of the table."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    seconds = _median_seconds(work, repeats)
    memory = "-"
    if torch.cuda.is_available():
        memory = f"{torch.cuda.max_memory_allocated() / 1e9:.2f}"
    print(f"  {title:32}  {photos / seconds:8.2f}  {seconds:9.3f}  {memory:>9}", flush=True)


def _training_step(model: VlmClassifier, training: VlmTrainingParameters) -> Callable[[], object]:
    model.set_gradient_checkpointing(enabled=training.gradient_checkpointing)
    groups = parameter_groups(model, model.layer_depths(), training)
    optimiser = torch.optim.AdamW(groups)
    average = MovingAverage(model, horizon=100)
    device, count = model.reader.network.device, training.batch_size // training.accumulation
    shape = (count, 3, *model.image_size)
    photos = torch.randint(256, shape, dtype=torch.uint8, device=device)
    questions = example_questions(model.settings, count)
    labels = torch.tensor([question.candidates[0] for question in questions], device=device)

    def step() -> None:
        for _ in range(training.accumulation):
            with _autocast(device):
                loss = model(photos, labels, labels, torch.ones(count), questions)["loss"]
            (loss / training.accumulation).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_norm)
        optimiser.step()
        optimiser.zero_grad()
        average.update(model, step=1)

    return step


def _scorings(model: VlmClassifier) -> list[tuple[str, int, Callable[[], object]]]:
    model.eval()
    model.set_gradient_checkpointing(enabled=False)
    scorer = NamesInOnePass(model.reader)
    photo = np.random.default_rng(0).integers(0, 256, (*model.image_size, 3), np.uint8)
    count = model.settings.batch_size
    questions = example_questions(model.settings, count)
    prompts = [question.prompt for question in questions]
    few = model.candidate_names(questions)
    every = list(spoken_names(challenge_names()))
    return [
        (
            f"{len(few[0])} names of each of {count} photos",
            count,
            lambda: scorer.score([photo] * count, prompts, few),
        ),
        (
            f"{len(every)} names of one photo",
            1,
            lambda: scorer.score([photo], prompts[:1], [every]),
        ),
    ]


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return median(times)


def _autocast(device: torch.device) -> Any:
    on_gpu = device.type == "cuda"
    return torch.autocast("cuda", dtype=torch.bfloat16) if on_gpu else nullcontext()


if __name__ == "__main__":
    main()
