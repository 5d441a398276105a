"""Peak memory of a vision tower alone against the whole model that it is part of.

    python -m benchmarks.tower_memory                     # about 220 MB of language weights
    python -m benchmarks.tower_memory --layers 40         # about 1.2 GB of them

A Qwen2.5-VL model with random bfloat16 weights is written to a temporary folder in several files.
Two fresh processes then encode the same photos on the CPU in float32: one by the encoder
`vlm_tower`, one by the whole model of transformers. The memory of the libraries, as it is before
anything is loaded, stands beside the peaks; what was read is counted, and the outputs compared.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch

    from chajong.encoders.parameters import VlmTowerParameters

HEIGHT, WIDTH = 112, 140


@dataclass(frozen=True)
class Measured:
    """What one process needed, in bytes, and what came out."""

    libraries: int
    peak: int
    output: np.ndarray


def main() -> None:
    """Measure both ways and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        _in_fresh_process(_write_model, folder, arguments.layers)
        alone = _in_fresh_process(_measure_tower, folder, arguments.photos)
        whole = _in_fresh_process(_measure_whole, folder, arguments.photos)
        tensors, size = _in_fresh_process(_count_read, folder)
        files = sum(file.stat().st_size for file in Path(folder).glob("*.safetensors"))
    print(f"\n{arguments.photos} photos of {HEIGHT} x {WIDTH}, float32 on the CPU; MB")
    print(f"{'':12}{'libraries':>12}{'peak':>10}{'model':>10}")
    for title, measured in (("tower alone", alone), ("whole model", whole)):
        sizes = (measured.libraries, measured.peak, measured.peak - measured.libraries)
        print(f"{title:12}{sizes[0] / 1e6:12.0f}{sizes[1] / 1e6:10.0f}{sizes[2] / 1e6:10.0f}")
    print(f"read: {tensors} tensors, {size / 1e6:.1f} of {files / 1e6:.1f} MB")
    print(f"largest difference of the outputs: {abs(alone.output - whole.output).max():.1e}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=6, help="of the language model")
    parser.add_argument("--photos", type=int, default=4)
    return parser.parse_args()


def _in_fresh_process(work: Callable[..., Any], *arguments: object) -> Any:
    # A process starts with the peak of the one that it came from: this one stays small.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _write_model(folder: str, layers: int) -> None:
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2VLImageProcessor,
    )

    text = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": layers}
    text |= {"num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 8192}
    text |= {"bos_token_id": 0, "eos_token_id": 1}
    text["rope_parameters"] = {"rope_type": "default", "mrope_section": [16, 24, 24]}
    vision = {"depth": 8, "hidden_size": 320, "intermediate_size": 860, "num_heads": 8}
    vision |= {"out_hidden_size": 1024, "fullatt_block_indexes": [3, 7]}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision)
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="50MB")
    Qwen2VLImageProcessor().save_pretrained(folder)


def _measure_tower(folder: str, count: int) -> Measured:
    from chajong.encoders.building import build_encoder

    photos, libraries = _photos(count), _used_by_libraries()
    encoder = build_encoder(_parameters(folder))
    output = encoder.encode(photos[:, None])
    return Measured(libraries, _peak(), output)


def _measure_whole(folder: str, count: int) -> Measured:
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageTextToText

    photos, libraries = _photos(count), _used_by_libraries()
    processor = AutoImageProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        inputs = processor(images=list(photos), do_resize=False, return_tensors="pt")
        tokens = torch.stack(list(model.get_image_features(**inputs).pooler_output))
    return Measured(libraries, _peak(), tokens.mean(1).numpy())


def _count_read(folder: str) -> tuple[int, int]:
    from chajong.encoders.vlm_towers import PARTS, read_parts

    read = read_parts(_parameters(folder), PARTS["qwen2_5_vl"])
    return len(read.tensors), read.bytes_read


def _parameters(folder: str) -> VlmTowerParameters:
    from chajong.encoders.parameters import VlmTowerParameters

    return VlmTowerParameters(
        model="random Qwen2.5-VL",
        weights=folder,
        max_pixels=HEIGHT * WIDTH,
        aspect_ratio=WIDTH / HEIGHT,
        features="projected",
    )


def _photos(count: int) -> torch.Tensor:
    import torch

    torch.manual_seed(1)
    return torch.randint(0, 256, (count, 3, HEIGHT, WIDTH), dtype=torch.uint8)


def _used_by_libraries() -> int:
    """Load what both ways need, and say what memory that takes."""
    import psutil
    import transformers.models.qwen2_5_vl.modeling_qwen2_5_vl
    import transformers.models.qwen2_vl.modeling_qwen2_vl  # noqa: F401

    return int(psutil.Process().memory_info().rss)


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
