"""Names and shapes of published checkpoints, from the lists in `published`."""

import json
import re
from itertools import product
from math import prod
from pathlib import Path

import torch

LISTS = Path(__file__).with_name("published")
BYTES = {torch.float32: 4, torch.bfloat16: 2, torch.float16: 2, torch.int64: 8}
SHORT = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64"}


def published_tensors(name, dtype):
    """Read a list as tensors without numbers, by name; lines name their type where it differs."""
    lines = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {
        tensor: torch.empty(shape, dtype=own or dtype, device="meta")
        for line in lines
        if not line.startswith("#")
        for pattern, *words in [line.split()]
        for shape, own in [_shape(words)]
        for tensor in expanded(pattern)
    }


def published_layers(name):
    """Read the rank of each linear layer's change and the bits of its weights, by name."""
    lines = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {
        layer: (int(rank), int(bits))
        for line in lines
        if not line.startswith("#")
        for pattern, rank, bits in [line.split()]
        for layer in expanded(pattern)
    }


def expanded(pattern):
    """Write out `{0..27}` and `{weight,bias}`, each with each."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [[part] if place % 2 == 0 else _choices(part) for place, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]


def _choices(part):
    if ".." not in part:
        return part.split(",")
    first, last = map(int, part.split(".."))
    return [str(number) for number in range(first, last + 1)]


def _shape(words):
    own = torch.int64 if words[-1:] == ["int64"] else None
    return tuple(map(int, words[: len(words) - bool(own)])), own


def size_of_numbers(tensors):
    """Count the bytes of the numbers."""
    return sum(BYTES[tensor.dtype] * prod(tensor.shape) for tensor in tensors.values())


def size_as_safetensors(tensors, *, described=True):
    """Count the bytes of the file; its header, padded to eights, has every name and shape."""
    header, end = {"__metadata__": {"format": "pt"}} if described else {}, 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (-BYTES[item[1].dtype], item[0])):
        start, end = end, end + BYTES[tensor.dtype] * prod(tensor.shape)
        header[name] = {
            "dtype": SHORT[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    written = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-written // 8) * 8 + end
