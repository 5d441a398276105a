"""A small CLIP of our own, in open_clip's folder format: its random start, and as it is shipped.

    python -m tools.small_clip start data/05_model_input/small_clip/start
    python -m tools.small_clip ship data/05_model_input/small_clip data/06_models/small_clip

`make small-clip` does both, with the training between them.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import open_clip
import timm
import torch
from pydantic import Field
from safetensors.torch import save_file

from chajong.encoders.encoder import EncoderError
from chajong.members.checkpoint import read_checkpoint
from chajong.members.clip.classifier import build_clip_classifier
from chajong.members.clip.interpolation import loading_of
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.prompts import class_prompts
from chajong.members.trained.checkpoint import restore_fold_model
from chajong.members.trained.views import log_probability_views
from chajong.names.challenge import challenge_names
from chajong.names.grammar import parse_name
from chajong.names.prompts import english_prompts, korean_prompts
from chajong.names.table import class_table
from chajong.parameters import Strict
from chajong.whole import whole_folder
from tools.rendered_cars.sample_names import unseen_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

CONFIGURATION_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
PADDING, START, END = "<padding>", "<start>", "<end>"

UNSEEN_NAMES = 1600
"""All invented names that the shipped sample does not have."""


class SmallClipParameters(Strict):
    """Sizes of a small CLIP model that is made here.

    Attributes:
        photo_model: A convolutional model of timm.
        height: Height of the photos in pixels.
        width: Width of the photos in pixels.
        embedding: Dimensions that photos and sentences share.
        text_width: Dimensions inside the text tower.
        text_layers: Blocks of the text tower.
        text_heads: Attention heads of a block.
        vocabulary: Most tokens of the tokenizer; 256 of them are the bytes.
        context: Most tokens of a sentence, its start and end included.
        seed: Seed of the weights.
    """

    photo_model: str = Field("regnetx_002", min_length=1)
    height: int = Field(96, ge=16)
    width: int = Field(160, ge=16)
    embedding: int = Field(128, ge=1)
    text_width: int = Field(128, ge=1)
    text_layers: int = Field(3, ge=1)
    text_heads: int = Field(4, ge=1)
    vocabulary: int = Field(2000, ge=300, le=4000)
    context: int = Field(48, ge=4)
    seed: int = Field(0, ge=0)


SHIPPED = SmallClipParameters(
    height=80, width=128, text_layers=2, vocabulary=2000, context=32, seed=20250519
)
"""The model that the sample's members start from."""


def make_small_clip(prompts: Sequence[str], folder: Path, settings: SmallClipParameters) -> None:
    """Write a CLIP model with random weights, and a tokenizer learned from sentences.

    open_clip opens the folder as ``local-dir:<folder>``.

    Args:
        prompts: Sentences like those that the model will read.
        folder: Where to write; it is made.
        settings: Sizes and seed.

    Raises:
        EncoderError: The photo model takes photos of one size only.
        FileExistsError: The folder holds something else than an earlier model.
    """
    if timm.get_pretrained_cfg_value(settings.photo_model, "fixed_input_size"):
        message = (
            f"{settings.photo_model!r} takes photos of one size only. Set `photo_model` to a "
            "convolutional model of timm, such as 'regnetx_002'."
        )
        raise EncoderError(message)
    tokenizer = train_tokenizer(prompts, settings.vocabulary, settings.context)
    configuration = _configuration(settings, tokenizer)
    torch.manual_seed(settings.seed)
    network = open_clip.CLIP(**configuration["model_cfg"])
    with whole_folder(folder, known_by=CONFIGURATION_FILE) as unfinished:
        tokenizer.save_pretrained(unfinished)
        text = json.dumps(configuration, indent=2)
        (unfinished / CONFIGURATION_FILE).write_text(text, encoding="utf-8")
        save_file(network.state_dict(), unfinished / WEIGHTS_FILE)


def export_small_clip(network: torch.nn.Module, start_folder: Path, folder: Path) -> None:
    """Write trained weights as float16 beside the configuration and the tokenizer.

    What else an earlier model's folder holds, such as its description, stays.

    Args:
        network: open_clip's model, without adapters.
        start_folder: Folder that training started from.
        folder: Where to write; it is made.

    Raises:
        EncoderError: A weight is too large for float16, or not a number.
        FileExistsError: The folder holds something else than an earlier model.
    """
    halved = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    wrong = [name for name, tensor in halved.items() if not tensor.isfinite().all()]
    if wrong:
        message = f"{wrong[0]} holds a number that float16 cannot. Train with a lower rate."
        raise EncoderError(message)
    tensors = {name: tensor.contiguous().cpu() for name, tensor in halved.items()}
    with whole_folder(folder, known_by=CONFIGURATION_FILE) as unfinished:
        if folder.exists():
            shutil.copytree(folder, unfinished, dirs_exist_ok=True)
        for file in start_folder.glob("*.json"):
            shutil.copyfile(file, unfinished / file.name)
        save_file(tensors, unfinished / WEIGHTS_FILE)


def train_tokenizer(texts: Sequence[str], vocabulary: int, context: int) -> PreTrainedTokenizerFast:
    """Learn byte-level pairs, which spell any text, from sentences.

    Source: Sennrich et al. (ACL 2016), on bytes as in Radford et al., GPT-2 (2019), section 2.2.

    Args:
        texts: Sentences to learn from; letter case does not count.
        vocabulary: Most tokens there may be.
        context: Most tokens of a sentence, its start and end included.

    Returns:
        A tokenizer that frames every sentence and pads it at its end.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PADDING, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (START, END)]
    tokenizer.post_processor = TemplateProcessing(single=f"{START} $A {END}", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=context,
        pad_token=PADDING,
        bos_token=START,
        eos_token=END,
        padding_side="right",
    )


def _configuration(
    settings: SmallClipParameters, tokenizer: PreTrainedTokenizerFast
) -> dict[str, Any]:
    """Describe the model to open_clip; a sentence is read off at its end token."""
    size = [settings.height, settings.width]
    text = {
        "context_length": settings.context,
        "vocab_size": len(tokenizer),
        "hf_tokenizer_name": "beside this file",
        "width": settings.text_width,
        "heads": settings.text_heads,
        "layers": settings.text_layers,
        "pool_type": "eos",
        "pad_id": tokenizer.pad_token_id,
        "eos_id": tokenizer.eos_token_id,
    }
    photo = {"timm_model_name": settings.photo_model, "image_size": size}
    return {
        "model_cfg": {"embed_dim": settings.embedding, "vision_cfg": photo, "text_cfg": text},
        "preprocess_cfg": {"size": size, "resize_mode": "squash"},
    }


def sentences() -> tuple[str, ...]:
    """Give what the tokenizer learns from.

    They are about the challenge's names and about invented ones, none of which is in the sample.
    """
    names = [*challenge_names(), *unseen_names(UNSEEN_NAMES, SHIPPED.seed)]
    return tuple(
        sentence
        for name in map(parse_name, names)
        for sentence in (*korean_prompts(name), *english_prompts(name))
    )


def ship(results: Path, folder: Path) -> None:
    """Write the trained model of the first fold, if it scores its proof photos as it did.

    Args:
        results: The folder that `clip_training` wrote to, with the start in it.
        folder: Where the model is shipped.

    Raises:
        CheckpointError: The model does not reproduce the scores that were saved with it.
    """
    newest = max((results / "06_models" / "clip" / "checkpoint").glob("*/checkpoint"))
    checkpoint = read_checkpoint(newest)
    configuration = checkpoint.configuration
    parameters = ClipParameters(**configuration["model"])
    prompts = class_prompts(class_table({name: name for name in configuration["class_names"]}))
    model: Any = restore_fold_model(
        checkpoint,
        min(configuration["folds"]),
        lambda _: build_clip_classifier(parameters, prompts),
        lambda built: log_probability_views(built, parameters),
        loading_of(configuration),
    )
    export_small_clip(model.towers.network, results / "start", folder)


def main() -> None:
    """Start or ship, as the command line says."""
    parser = argparse.ArgumentParser(description="Make the small CLIP; see `make small-clip`.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="write the randomly initialised model")
    start.add_argument("folder", type=Path)
    shipping = commands.add_parser("ship", help="write the trained model as float16")
    shipping.add_argument("results", type=Path, help="the folder that clip_training wrote to")
    shipping.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "start":
        make_small_clip(sentences(), arguments.folder, SHIPPED)
    else:
        ship(arguments.results, arguments.folder)


if __name__ == "__main__":
    main()
