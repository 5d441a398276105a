"""Every photo once: hashed, measured, and re-encoded at training size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydantic import Field

from chajong.parameters import Strict
from chajong.photos.colours import is_srgb
from chajong.photos.content_cache import ContentCache
from chajong.photos.decode import (
    MAX_MEGAPIXELS,
    UnreadablePhotoError,
    check_whole,
    has_end,
    open_photo,
    orientation_of,
    room_for,
    scale_down_decoding,
    upright_rgb,
    upright_size,
)
from chajong.photos.photo_file import VANISHED, PatientReading
from chajong.threads import processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from PIL.ImageFile import ImageFile

SHARD_PHOTOS = 1024

Jpeg = bytes

# Hash and statistics come from a copy whose shortest side is between this and twice this.
_MEASURED_SIDE = 64
_PHOTO_COLUMNS = (
    "sha256",
    "perceptual_hash",
    "width",
    "height",
    "bytes",
    "status",
    "reason",
    "brightness",
    "contrast",
    "saturation",
)
_DECODING = 2  # counted up where the same file gives other pixels than before
_LONGEST_JPEG_SIDE = 65_500  # what a JPEG's header has room for, as libjpeg counts


class StoreSettings(Strict):
    """How photos are kept in the photo store.

    Attributes:
        shortest_side: Pixels; a larger photo is reduced so that its shortest side has as many.
        jpeg_quality: Quality of photos that are encoded again, up to 95.
        max_megapixels: A photo with more pixels counts as unreadable.
    """

    shortest_side: int = Field(640, ge=1)
    jpeg_quality: int = Field(92, ge=1, le=95)
    max_megapixels: float = Field(MAX_MEGAPIXELS, gt=0)

    @property
    def key(self) -> str:
        """A short hash of all settings, and of how photos are decoded."""
        return sha256(f"{_DECODING} {self.model_dump_json()}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PreparedPhoto:
    """What is known of one file's content; everything after `reason` is None if it is unreadable.

    Attributes:
        sha256: Of the file, hexadecimal.
        bytes: Size of the file.
        status: "ok" or "unreadable".
        reason: Why it is unreadable, in plain English.
        perceptual_hash: 64-bit pHash as 16 hexadecimal digits.
        width: Pixels of the original, upright.
        height: Pixels of the original, upright.
        brightness: Mean grey value, 0 to 255.
        contrast: Standard deviation of the grey values, 0 to 127.5.
        saturation: Mean saturation (of hue, saturation and value), 0 to 1.
        jpeg: The photo at training size, an upright RGB JPEG.
    """

    sha256: str
    bytes: int
    status: str
    reason: str | None = None
    perceptual_hash: str | None = None
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    jpeg: Jpeg | None = None


def prepare_photo(data: bytes, settings: StoreSettings) -> PreparedPhoto:
    """Hash, measure and re-encode one photo.

    An upright RGB JPEG that is small enough keeps its own bytes, and is decoded only at the
    fraction of its size that hash and statistics need.

    Args:
        data: The file's bytes.
        settings: How it is kept.

    Returns:
        The prepared photo; an unreadable one says why.
    """
    digest = sha256(data).hexdigest()
    try:
        photo = open_photo(data, settings.max_megapixels)
        with room_for(photo):
            width, height = upright_size(photo)
            rgb, jpeg = _stored(data, photo, settings)
    except UnreadablePhotoError as error:
        return PreparedPhoto(digest, len(data), "unreadable", str(error))
    copy = rgb.reduce(max(1, min(rgb.size) // _MEASURED_SIDE))
    brightness, contrast, saturation = _statistics(copy)
    return PreparedPhoto(
        sha256=digest,
        bytes=len(data),
        status="ok",
        perceptual_hash=_perceptual_hash(copy),
        width=width,
        height=height,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        jpeg=jpeg,
    )


def _stored(data: bytes, photo: ImageFile, settings: StoreSettings) -> tuple[Image.Image, Jpeg]:
    """Give a photo's pixels at a size that is enough to measure, and how it is kept."""
    stays = _can_stay(data, photo, settings)
    scale_down_decoding(photo, _MEASURED_SIDE if stays else settings.shortest_side)
    rgb = upright_rgb(photo)
    check_whole(data, photo)
    if stays:
        return rgb, data
    rgb = _reduced(rgb, settings.shortest_side)
    return rgb, _encoded(rgb, settings.jpeg_quality)


def _can_stay(data: bytes, photo: ImageFile, settings: StoreSettings) -> bool:
    return (
        photo.format == "JPEG"
        and has_end(data)
        and photo.mode == "RGB"
        and is_srgb(photo)
        and orientation_of(photo) == 1
        and min(photo.size) <= settings.shortest_side
    )


def _reduced(rgb: Image.Image, shortest_side: int) -> Image.Image:
    scale = min(1.0, shortest_side / min(rgb.size), _LONGEST_JPEG_SIDE / max(rgb.size))
    if scale == 1.0:
        return rgb
    width, height = (max(1, round(side * scale)) for side in rgb.size)
    return rgb.resize((width, height), Image.Resampling.LANCZOS)


def _encoded(rgb: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    rgb.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _perceptual_hash(rgb: Image.Image) -> str:
    from imagehash import phash

    return str(phash(rgb))


def _statistics(rgb: Image.Image) -> tuple[float, float, float]:
    """Measure brightness, contrast and saturation as `PreparedPhoto` defines them."""
    grey = np.asarray(rgb.convert("L"), dtype=np.float32)
    channels = [np.asarray(channel, dtype=np.float32) for channel in rgb.split()]
    brightest, darkest = np.maximum.reduce(channels), np.minimum.reduce(channels)
    saturation = (brightest - darkest) / np.maximum(brightest, 1)
    return float(grey.mean()), float(grey.std()), float(saturation.mean())


def photo_schema() -> pa.Schema:
    """Give the columns under which a `PreparedPhoto` is cached."""
    import pyarrow as pa

    return pa.schema(
        {
            "sha256": pa.string(),
            "bytes": pa.int64(),
            "status": pa.string(),
            "reason": pa.string(),
            "perceptual_hash": pa.string(),
            "width": pa.int64(),
            "height": pa.int64(),
            "brightness": pa.float64(),
            "contrast": pa.float64(),
            "saturation": pa.float64(),
            "jpeg": pa.large_binary(),
        }
    )


def open_photo_cache(folder: Path, settings: StoreSettings) -> ContentCache:
    """Open the cache of prepared photos, apart for each choice of settings.

    Args:
        folder: Of all such caches.
        settings: How photos are kept.

    Returns:
        A cache for `prepare_photos`.
    """
    return ContentCache(folder / settings.key, photo_schema())


def prepare_photos(
    read: Callable[[str], bytes],
    listing: pd.DataFrame,
    settings: StoreSettings,
    cache: ContentCache,
    progress: bool = True,
) -> tuple[pd.DataFrame, pa.Table]:
    """Prepare all photos of a listing, in parallel and each content once.

    Finished photos go to the cache shard by shard, so an interrupted run resumes.

    Args:
        read: Gives the bytes of a path, as `PhotoFolder.read`.
        listing: The listing of a `PhotoFolder`.
        settings: How photos are kept.
        cache: From `open_photo_cache` with the same settings.
        progress: Whether to show progress bars.

    Returns:
        The `photos` table, one row for each row of the listing and in its order, and the table of
        a `PhotoStore`, one row for each distinct readable content, mapped from the cache.

    Raises:
        OSError: The disk is full.
        PhotoStorageError: Too many of the photos that were found cannot be read.
    """
    import pandas as pd

    reading = PatientReading(int(listing["found"].sum()))

    def read_again(path: str) -> bytes:
        return reading.read(path, partial(read, path))

    files = _read_all(read_again, listing, progress)
    new = files[files["sha256"].notna() & ~files["sha256"].isin(cache.keys())]
    new = new.drop_duplicates("sha256")
    for shard in _prepared_shards(read_again, new, settings, progress):
        cache.append(shard)
    failed = pd.Series(files["path"].map(reading.failed.get), dtype="str")
    files["reason"] = files["reason"].fillna(failed)
    prepared = cache.table()
    store = _store_table(prepared, files["sha256"])
    store = store.replace_schema_metadata(
        {"preparation": settings.key, "settings": settings.model_dump_json()}
    )
    return _photo_table(listing, files, prepared), store


def _read_all(read: Callable[[str], bytes], listing: pd.DataFrame, progress: bool) -> pd.DataFrame:
    """Hash every file: the columns path, sha256, and status and reason where that fails."""
    import pandas as pd
    from tqdm import tqdm

    def digest(path: str, found: bool) -> tuple[str, str | None, str | None, str | None]:
        if not found:
            return path, None, "missing", f"there is no file {path}"
        try:
            return path, sha256(read(path)).hexdigest(), None, None
        except UnreadablePhotoError as error:
            return path, None, "unreadable", str(error)

    with ThreadPoolExecutor(processors()) as pool:
        rows = pool.map(digest, listing["path"], listing["found"])
        bar = tqdm(rows, "Reading", len(listing), unit=" photos", disable=not progress)
        columns = ["path", "sha256", "status", "reason"]
        return pd.DataFrame(list(bar), columns=columns, dtype="str")


def _prepared_shards(
    read: Callable[[str], bytes], files: pd.DataFrame, settings: StoreSettings, progress: bool
) -> Iterator[pa.Table]:
    """Prepare distinct contents, and give tables of up to `SHARD_PHOTOS` of them."""
    import pyarrow as pa
    from tqdm import tqdm

    def prepare(path: str, digest: str) -> PreparedPhoto | None:
        try:
            prepared = prepare_photo(read(path), settings)
        except UnreadablePhotoError:
            return None
        return prepared if prepared.sha256 == digest else None

    bar = tqdm(desc="Preparing", total=len(files), unit=" photos", disable=not progress)
    with ThreadPoolExecutor(processors()) as pool, bar:
        for start in range(0, len(files), SHARD_PHOTOS):
            shard = files[start : start + SHARD_PHOTOS]
            rows = []
            for prepared in pool.map(prepare, shard["path"], shard["sha256"]):
                bar.update()
                if prepared is not None:
                    rows.append(vars(prepared))
            yield pa.Table.from_pylist(rows, photo_schema())


def _photo_table(listing: pd.DataFrame, files: pd.DataFrame, prepared: pa.Table) -> pd.DataFrame:
    """Join what is known of each content to the listing's rows."""
    import pandas as pd
    import pyarrow as pa

    known = prepared.drop_columns(["jpeg"]).to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.string(): pd.StringDtype(na_value=np.nan)}.get
    )
    photos = files[["sha256"]].merge(known, on="sha256", how="left")
    # A file without a content's row has a reason of its own, or was replaced between two readings.
    lost = photos["status"].isna()
    reasons = files["reason"].fillna(f"{VANISHED} while photos were prepared")
    photos["status"] = photos["status"].where(~lost, files["status"].fillna("unreadable"))
    photos["reason"] = photos["reason"].where(~lost, reasons)
    listed = listing.drop(columns="found").reset_index(drop=True)
    return pd.concat([listed, photos[list(_PHOTO_COLUMNS)]], axis=1)


def _store_table(prepared: pa.Table, wanted: Iterable[str]) -> pa.Table:
    """Choose the readable contents that are wanted, without copying any photo."""
    import pyarrow as pa
    import pyarrow.compute as pc

    store = prepared.select(["sha256", "jpeg"])
    known = pc.is_in(store["sha256"], value_set=pa.array(wanted, pa.string()))
    kept = pc.and_(known, pc.is_valid(store["jpeg"])).to_numpy()
    # A filter would copy the photos; slices of consecutive rows do not.
    edges = np.flatnonzero(np.diff(kept, prepend=False, append=False)).reshape(-1, 2)
    runs = [store.slice(first, end - first) for first, end in edges.tolist()]
    return pa.concat_tables([store.schema.empty_table(), *runs])
