"""What this machine has, what a folder of photos holds, and which command to type next."""

from __future__ import annotations

import logging
import platform
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from chajong.project import prospect
from chajong.slip import SlipError
from chajong.threads import processors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chajong.photos.folder import PhotoFolder
    from chajong.project import Prospect

PACKAGES = ("kedro", "torch", "timm", "open_clip_torch", "transformers")

EXTRAS = {
    "app": "gradio",
    "heic": "pillow_heif",
    "onnx": "onnxruntime",
    "openvino": "openvino",
    "ray": "ray",
    "s3": "s3fs",
    "mlflow": "kedro_mlflow",
}
"""A module of each extra by which one sees that it is installed."""

PRESETS = ((70, "gpu80"), (20, "gpu24"), (0, "cpu"))
"""The environment for a GPU of so many GB of memory or more."""

SECONDS_A_PHOTO = {
    "quick": {"hog": 0.01, "clip_frozen": 0.07},
    "cpu": {"hog": 0.01, "clip_frozen": 0.15},
}
"""Rough times of two free cores, by environment, where this machine has measured nothing yet."""

HUB_SECONDS = 3.0
"""How long the hub has to answer."""

FEW_PHOTOS = 5
"""A class of fewer can be in no fold and learnt from by all others."""

GB = 1e9

Line = tuple[str, str]


def diagnosis(photos: Path | None, environment: str | None, results: Path | None) -> str:
    """Look at the machine and at a folder of photos.

    Args:
        photos: The folder; only the machine is looked at where it is not given.
        environment: What to run; what suits the machine where it is not given.
        results: For results; `<photos>_results` where it is not given.

    Returns:
        One screen of plain text, whose last line is the command to type next.
    """
    lines = list(machine_lines())
    if photos is None:
        return _told(lines, "chajong doctor path/to/photos")
    environment = environment or suitable_environment()
    photos = photos.expanduser().resolve()
    results = results or photos.with_name(f"{photos.name}_results")
    results = results.expanduser().resolve()
    lines.append(("disk", f"{shutil.disk_usage(_existing(results)).free / GB:.0f} GB are free"))
    logging.disable(logging.WARNING)  # what a run logs at its start stands in lines of their own
    try:
        found = prospect(photos, results, environment)
    except SlipError as error:
        return _told([*lines, ("problem", str(error))], f"chajong doctor {quote(str(photos))}")
    finally:
        logging.disable(logging.NOTSET)
    places = quote(f"raw_dir={photos},data_dir={results}")
    lines += photo_lines(found.photos)
    lines += member_lines(found, environment)
    lines.append(("too long", "add minutes=30 to --params: members are tried, chosen and sized"))
    return _told(lines, f"kedro run --env {environment} --params {places}")


def _told(lines: list[Line], command: str) -> str:
    told = "\n".join(f"  {label:12} {text}" for label, text in lines)
    return f"{told}\n\nType next:\n  {command}\n"


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def machine_lines() -> Iterator[Line]:
    """Say what the machine has: software, processors, memory, a font, the hub."""
    import psutil

    from chajong.training.contact_sheet import hangul_font

    yield (
        "chajong",
        f"{version('chajong')}, Python {platform.python_version()}, {platform.system()}",
    )
    yield "packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    there = [extra for extra, module in EXTRAS.items() if find_spec(module)]
    absent = [extra for extra in EXTRAS if extra not in there]
    install = f"; not: {', '.join(absent)} (pip install 'chajong[{absent[0]}]')" if absent else ""
    yield "extras", f"{', '.join(there) or 'none'}{install}"
    yield "computes on", _device()
    memory = psutil.virtual_memory()
    yield "memory", f"{memory.total / GB:.0f} GB, {memory.available / GB:.0f} GB of them free"
    has_font = Path(hangul_font()).exists()
    yield "font", "with Hangul" if has_font else "none with Hangul: install koreanize-matplotlib"
    yield "hub", hub_state()


def _device() -> str:
    import psutil
    import torch

    from chajong.device import best_device

    if best_device().type == "cuda":
        return nvidia_gpus() or torch.cuda.get_device_name()
    said = f"{best_device().type}, threads: {torch.get_num_threads()}, processors: {processors()}"
    said += f", load: {psutil.getloadavg()[0]:.1f}"
    if gpus := nvidia_gpus():
        said += f"; torch cannot use {gpus}: see docs/gpus.md for the driver it needs"
    return said


def nvidia_gpus() -> str:
    """Name the GPUs, their drivers and memory as NVIDIA's own program does; empty without any."""
    if shutil.which("nvidia-smi") is None:
        return ""
    query = "--query-gpu=name,driver_version,memory.total,memory.free"
    command = ["nvidia-smi", query, "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    keys = ("", "driver ", "memory ", "free ")
    return "; ".join(
        ", ".join(key + value.strip() for key, value in zip(keys, line.split(","), strict=False))
        for line in told.stdout.splitlines()
        if told.returncode == 0
    )


def suitable_environment() -> str:
    """Name the environment that suits the machine's GPU, or its CPU."""
    import torch

    from chajong.device import best_device

    on_gpu = best_device().type == "cuda"
    memory = torch.cuda.get_device_properties(0).total_memory / GB if on_gpu else 0.0
    return next(name for needed, name in PRESETS if memory >= needed)


def hub_state() -> str:
    """Say whether the hub of published weights answers; a cache may hold them all the same."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    cache = f"only weights in {constants.HF_HUB_CACHE} can be used"
    network_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    except OfflineModeIsEnabled:
        return f"switched off by HF_HUB_OFFLINE: {cache}"
    except (OSError, network_error) as error:
        return f"cannot be reached ({type(error).__name__}): {cache}"
    return "can be reached"


def photo_lines(folder: PhotoFolder) -> Iterator[Line]:
    """Say how a folder of photos is read, and what is strange about it."""
    train = folder.listing[folder.listing["split"] == "train"]
    counts = train["class_name"].value_counts()
    tests = len(folder.listing) - len(train)
    yield (
        "photos",
        f"{len(train):,} of {len(counts):,} classes, {tests:,} to predict ({folder.layout})",
    )
    few = counts[counts < FEW_PHOTOS]
    if len(few):
        yield (
            "few photos",
            f"{len(few):,} classes have fewer than {FEW_PHOTOS}, such as {few.index[0]}",
        )
    for text in folder.left_out:
        yield "not used", text.removesuffix(".")
    for text in folder.warnings:
        yield "strange", text.removesuffix(".")


def member_lines(found: Prospect, environment: str) -> Iterator[Line]:
    """Say which members would run and about how long each takes to see the photos."""
    photos = len(found.photos.listing)
    for member in found.members:
        speed = found.metrics.get(member.name, {}).get("photos_per_second")
        seconds = SECONDS_A_PHOTO.get(environment, {}).get(member.name)
        if speed:
            yield member.name, f"{_minutes(photos / speed)} (measured here: {speed:.0f} photos/s)"
        elif seconds:
            yield member.name, f"{_minutes(photos * seconds)} (a guess for two free cores)"
        else:
            yield member.name, "not measured here yet; `make check-presets` estimates the presets"
    for name, reason in found.left_out.items():
        yield "left out", f"{name}: {reason}"


def _minutes(seconds: float) -> str:
    return f"about {max(1, round(seconds / 60)):,} min to see all photos"
