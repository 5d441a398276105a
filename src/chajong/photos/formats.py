"""Which files are photos: by how they begin, as endings are often others or wrong."""

from __future__ import annotations

HEAD_BYTES = 32
"""How many of a file's first bytes tell its format."""

PHOTO_ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp",
    ".gif", ".tif", ".tiff", ".heic", ".heif", ".avif",
)  # fmt: skip
"""Endings of photos, in any case; a file of another ending is a photo if it begins like one."""

_BEGINNINGS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
)
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"), "HEIC"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIC"),
}
_FOR_ALL_CODECS = (b"mif1", b"msf1")
"""Brands that say nothing of the codec; those that follow do."""

# Two letters are too few to know a BMP by: a text may begin with "BMW".
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})


def format_of(head: bytes) -> str | None:
    """Name the photo format that a file begins like.

    Args:
        head: The file's first `HEAD_BYTES` bytes, or all of a shorter file.

    Returns:
        For example "JPEG"; None where it begins like no photo.
    """
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        if head[8:12] in _FOR_ALL_CODECS and b"avif" in head[16:]:
            return "AVIF"
        return _BRANDS.get(head[8:12])
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return None


def without_ending(path: str) -> str:
    """Take a photo's ending off a path; what ends otherwise stays as it is."""
    for ending in PHOTO_ENDINGS:
        if path.lower().endswith(ending):
            return path[: -len(ending)]
    return path
