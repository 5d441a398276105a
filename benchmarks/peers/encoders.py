"""Features of photos, against the loops that the libraries' own documents show."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import open_clip
import torch
from PIL import Image
from transformers import ViTConfig, ViTImageProcessor, ViTModel, pipeline

from benchmarks.extraction import TimmLoop, prepared_photos
from benchmarks.peers.comparison import Comparison
from chajong.device import best_device
from chajong.encoders.building import build_encoder
from chajong.encoders.extraction import encode_photos
from chajong.encoders.parameters import PretrainedParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chajong.photos.store import PhotoStore

BATCH = 32
SMALL_CLIP = Path(__file__).parents[2] / "data/06_models/small_clip"
TIMM_MODEL = "tf_efficientnet_lite0"

BACKEND = "openvino" if find_spec("openvino") and best_device().type == "cpu" else "torch"
"""Named, so that no trial falls into a round."""


def comparisons(raw_dir: Path, scratch: Path, photos: int) -> Iterator[Comparison]:
    """Encode photos with one view each, by timm, open_clip and transformers.

    Args:
        raw_dir: Photos in the challenge's layout.
        scratch: For a model of random weights.
        photos: How many at most.

    Yields:
        A comparison a library.
    """
    store, paths = prepared_photos(raw_dir, scratch, photos)
    vit, clip = random_vit(scratch / "vit"), str(SMALL_CLIP)
    rows: list[tuple[str, str, str, Callable[[], object], float | None]] = [
        ("timm", TIMM_MODEL, "random", TimmLoop(paths, TIMM_MODEL, "random", BATCH), 4.0),
        ("open_clip", "small_clip", clip, partial(open_clip_loop, clip, paths), None),
        ("transformers", vit, vit, partial(transformers_pipeline, vit, paths), None),
    ]
    for library, model, weights, theirs, aim in rows:
        parameters = PretrainedParameters.model_validate(
            {
                "library": library,
                "model": model,
                "weights": weights,
                "fit": "crop",
                "flip": False,
                "zoom": (1.0,),
                "batch_size": BATCH,
                "backend": BACKEND,
            }
        )
        yield Comparison(
            job=f"features, {library}, by {BACKEND}",
            peer=f"{library}'s own loop",
            work=len(paths),
            unit="photos",
            ours=encoding(store, len(paths), parameters),
            theirs=theirs,
            aim=aim,
        )


def encoding(
    store: PhotoStore, photos: int, parameters: PretrainedParameters
) -> Callable[[], object]:
    """Build an encoder, and give what encodes the first photos of a store with it."""
    encoder = build_encoder(parameters)
    contents = list(store.keys())[:photos]
    return lambda: list(encode_photos(contents, store, encoder))


def random_vit(folder: Path) -> str:
    """Write a ViT-Tiny of random weights in transformers' layout, and give its folder."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=192, num_hidden_layers=12, num_attention_heads=3, intermediate_size=768
    )
    ViTModel(config).save_pretrained(folder)
    ViTImageProcessor().save_pretrained(folder)
    return str(folder)


def open_clip_loop(folder: str, paths: Sequence[Path]) -> None:
    """Encode photos as open_clip's README does, in batches."""
    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            opened = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
            model.encode_image(torch.stack([prepare(photo) for photo in opened]))


def transformers_pipeline(folder: str, paths: Sequence[Path]) -> None:
    """Encode photos by transformers' pipeline for features, in batches."""
    extract = pipeline("image-feature-extraction", model=folder, pool=True, device="cpu")
    extract([str(path) for path in paths], batch_size=BATCH)
