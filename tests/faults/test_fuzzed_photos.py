"""Photos whose bytes are flipped, lost or added: each is a photo or says why not, and soon.

FUZZED_PHOTOS=10000 pytest tests/faults/test_fuzzed_photos.py -s   # counts the outcomes
"""

import os
import time
from collections import Counter
from contextlib import suppress
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from chajong.photos.decode import UnreadablePhotoError, decode_photo
from chajong.photos.preparation import StoreSettings, prepare_photo

COUNT = int(os.environ.get("FUZZED_PHOTOS", "200"))
SECONDS = 20
SETTINGS = StoreSettings(shortest_side=40, max_megapixels=2)

WAYS = (
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "CMYK", {"restart_marker_blocks": 3}),
    ("JPEG", "L", {"optimize": True}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {"transparency": 0}),
    ("PNG", "I;16", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("BMP", "RGB", {}),
    ("BMP", "RGBA", {}),
    ("GIF", "P", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("AVIF", "RGB", {}),
)


@cache
def photo(way: int) -> bytes:
    """Make a photo with all that real ones have: grain, an orientation, a profile."""
    form, mode, options = WAYS[way]
    grain = np.random.default_rng(way).integers(0, 256, (12, 18, 3), np.uint8)
    picture = Image.fromarray(grain).resize((90, 60))
    picture = picture.convert("L").convert(mode) if mode == "I;16" else picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = BytesIO()
    picture.save(file, form, exif=exif.tobytes(), icc_profile=profile, **options)
    return file.getvalue()


shares = st.floats(0, 1, exclude_max=True)
flips = st.lists(st.tuples(shares, st.integers(1, 255)), max_size=8)
added = st.binary(max_size=8)


def damaged(way: int, flips, kept: float, place: float, more: bytes) -> bytes:
    """Flip bytes, put others in, and cut the rest off."""
    data = bytearray(photo(way))
    for share, mask in flips:
        data[int(share * len(data))] ^= mask
    at = int(place * len(data))
    data[at:at] = more
    return bytes(data[: round(kept * len(data))])


outcomes: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module", autouse=True)
def counted():
    """Print what became of the photos."""
    yield
    for (form, outcome), count in sorted(outcomes.items()):
        print(f"{form:8}{outcome:12}{count:8,}")


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.integers(0, len(WAYS) - 1), flips, st.just(1.0) | shares, shares, st.just(b"") | added)
@settings(max_examples=COUNT, suppress_health_check=list(HealthCheck), database=None)
def test_any_damage_gives_a_photo_or_a_reason_in_time(way, flips, kept, place, more):
    data = damaged(way, flips, kept, place, more)
    started = time.perf_counter()
    prepared = prepare_photo(data, SETTINGS)
    outcomes[WAYS[way][0], prepared.status] += 1
    if prepared.status == "ok":
        shown = decode_photo(prepared.jpeg)
        assert min(shown.shape[:2]) <= 40 or data == prepared.jpeg
        assert prepared.reason is None
    else:
        assert prepared.reason
    with suppress(UnreadablePhotoError):
        decode_photo(data, max_megapixels=2)
    assert time.perf_counter() - started < SECONDS


@pytest.mark.parametrize("way", range(len(WAYS)), ids=lambda way: " ".join(WAYS[way][:2]))
def test_without_damage_it_is_a_photo(way):
    assert prepare_photo(photo(way), SETTINGS).status == "ok"
