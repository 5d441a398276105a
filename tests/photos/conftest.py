"""Photos and photo folders made on the spot."""

import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def make_picture() -> Callable[..., Image.Image]:
    """Pictures of soft coloured patches: a seed's picture looks the same at every size."""

    def make(width: int = 90, height: int = 60, seed: int = 0) -> Image.Image:
        patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def encode() -> Callable[..., bytes]:
    def encode_picture(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
        file = BytesIO()
        picture.save(file, form, **options)
        return file.getvalue()

    return encode_picture


@pytest.fixture
def make_profile() -> Callable[..., bytes]:
    """ICC profiles of three primaries and a gamma, or of grey."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)

    def make(primaries: tuple[tuple[float, ...], ...] = (), gamma: float = 2.2) -> bytes:
        curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
        text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(81)
        white = b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249)
        tags = {b"desc": text, b"wtpt": white}
        for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=False):
            tags[letter + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*primary)
            tags[letter + b"TRC"] = curve
        if not primaries:
            tags[b"kTRC"] = curve
        table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
        for name, content in tags.items():
            table += name + struct.pack(">II", start + len(body), len(content))
            body += content + bytes(-len(content) % 4)
        space = b"RGB " if primaries else b"GRAY"
        head = b"\0\0\0\0\x02\x10\0\0mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
        head += fixed(0.9642, 1, 0.8249)
        profile = bytes(4) + head.ljust(124, b"\0") + table + body
        return struct.pack(">I", len(profile)) + profile[4:]

    return make


@pytest.fixture
def make_photo(make_picture, encode) -> Callable[..., bytes]:
    """JPEG files, a different picture for every seed."""

    def make(seed: int = 0, width: int = 90, height: int = 60) -> bytes:
        return encode(make_picture(width, height, seed), quality=90)

    return make


@pytest.fixture
def write_folder(tmp_path: Path) -> Callable[[Mapping[str, bytes | str]], Path]:
    """Write files by relative path, texts with the byte order mark that real tables have."""

    def write(files: Mapping[str, bytes | str]) -> Path:
        root = tmp_path / "raw"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode("utf-8-sig") if isinstance(content, str) else content
            path.write_bytes(data)
        return root

    return write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk is not allowed here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
