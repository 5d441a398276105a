"""Known photos that can be searched: vectors, what each photo shows, and small copies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chajong.inside import OutsideError, refuse_links
from chajong.manifest import REMAKE, DamagedError, check_folder
from chajong.members.local_weights import copy_weights, find_weights
from chajong.photos.store import PhotoStore, open_photo_store
from chajong.search.filters import Filter, SearchError, allowed_photos
from chajong.search.known_cars import distances_to_others, fit_limit
from chajong.search.vector_index import (
    NONE_FOUND,
    IndexParameters,
    VectorIndex,
    build_vector_index,
    read_vector_index,
)
from chajong.tables import write_table
from chajong.whole import whole_folder

if TYPE_CHECKING:
    from chajong.encoders.features import Features
    from chajong.search.known_cars import Distances

INDEX_FILE, PHOTOS_FILE, THUMBNAILS_FILE = "index.json", "photos.parquet", "thumbnails.arrow"
THUMBNAIL_QUALITY = 80

MODEL_COLUMNS = ["english", "maker", "first_year", "last_year"]


@dataclass(frozen=True, eq=False)
class PhotoIndex:
    """An index of photos.

    Attributes:
        photos: One row a vector: `photo_id`, `class_name` (effective), `english`, `maker`,
            `first_year`, `last_year`, `group` (near-duplicates share one) and `sha256`.
        vectors: The photos' features.
        parameters: How they are searched.
        encoder: The parameters of the encoder as JSON values, for queries.
        encoder_key: The key of the encoder, its weights and its preprocessing.
        store_settings: How the indexed photos were kept, the fields of `StoreSettings`.
        thumbnails: Small JPEGs, by the photo's sha-256.
        limit: The distance to the nearest photo beyond which a query is no known car.
    """

    photos: pd.DataFrame
    vectors: VectorIndex
    parameters: IndexParameters
    encoder: dict[str, Any]
    encoder_key: str
    store_settings: dict[str, Any]
    thumbnails: PhotoStore
    limit: float


def build_photo_index(
    features: Features,
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    store: PhotoStore,
    encoder: dict[str, Any],
    parameters: IndexParameters,
    thumbnail_side: int,
) -> PhotoIndex:
    """Index every readable train photo.

    Args:
        features: Of every readable photo.
        tables: The `photos`, `classes` and `folds` tables.
        store: The photos themselves.
        encoder: The parameters of the encoder.
        parameters: How the photos are searched.
        thumbnail_side: Longest side of the small copies in pixels.
    """
    known = known_photos(*tables)
    distances = known_car_distances(features, *tables)
    return PhotoIndex(
        photos=known,
        vectors=build_vector_index(features.rows(known["photo_id"]), parameters),
        parameters=parameters,
        encoder=encoder,
        encoder_key=features.encoder,
        store_settings=store.settings,
        thumbnails=_thumbnails(known["sha256"].unique().tolist(), store, thumbnail_side),
        limit=fit_limit(distances.known, distances.held_back),
    )


def known_photos(photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """List the readable train photos with what is known of their models.

    Args:
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.

    Returns:
        The columns of `PhotoIndex.photos`, in the order of `folds`.
    """
    named = photos.set_index("photo_id").loc[folds["photo_id"]]
    effective = classes.set_index("name")["effective_class"]
    known = pd.DataFrame(
        {
            "photo_id": folds["photo_id"].to_numpy(),
            "class_name": effective.loc[named["class_name"]].to_numpy(),
            "group": folds["group"].to_numpy(),
            "sha256": named["sha256"].to_numpy(),
        }
    )
    models = classes.drop_duplicates("effective_class").set_index("effective_class")
    joined: pd.DataFrame = known.join(models[MODEL_COLUMNS], on="class_name")
    return joined


def known_car_distances(
    features: Features, photos: pd.DataFrame, classes: pd.DataFrame, folds: pd.DataFrame
) -> Distances:
    """Measure how far the photos whose labels count are from one another.

    Args:
        features: Of every readable photo.
        photos: The `photos` table.
        classes: The `classes` table.
        folds: The `folds` table.
    """
    known = known_photos(photos, classes, folds[folds["label_counts"]])
    labels = pd.factorize(known["class_name"], sort=True)[0]
    return distances_to_others(features.rows(known["photo_id"]), labels, known["group"].to_numpy())


def nearest_photos(
    index: PhotoIndex, query: np.ndarray, count: int, wanted: Filter | None = None
) -> pd.DataFrame:
    """Find the photos most like a query.

    Args:
        index: Where to look.
        query: float32 [width].
        count: Photos wanted.
        wanted: Which photos may be found.

    Returns:
        The rows of `PhotoIndex.photos`, the nearest first, with `similarity` (cosine) and
        `distance` (1 less the cosine); fewer than asked for where no more are allowed.

    Raises:
        SearchError: The filter names a maker or class that does not occur.
    """
    allowed = None if wanted is None else allowed_photos(index.photos, wanted)
    positions, cosines = index.vectors.nearest(query[None], count, allowed)
    found = positions[0] != NONE_FOUND
    rows = index.photos.iloc[positions[0][found]].reset_index(drop=True)
    near: pd.DataFrame = rows.assign(similarity=cosines[0][found], distance=1 - cosines[0][found])
    return near


def write_photo_index(index: PhotoIndex, folder: Path) -> None:
    """Write an index in place of an earlier one, whole or not at all.

    Raises:
        FileExistsError: The folder holds something else.
    """
    with whole_folder(folder, known_by=INDEX_FILE) as unfinished:
        index.vectors.write(unfinished)
        index.photos.to_parquet(unfinished / PHOTOS_FILE, index=False)
        write_table(index.thumbnails.table, unfinished / THUMBNAILS_FILE)
        description = {
            "photos": len(index.photos),
            "encoder": copy_weights(index.encoder, unfinished, {}),
            "encoder_key": index.encoder_key,
            "store_settings": index.store_settings,
            "parameters": index.parameters.model_dump(mode="json"),
            "limit": index.limit,
        }
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (unfinished / INDEX_FILE).write_text(text, encoding="utf-8")


def read_photo_index(folder: Path) -> PhotoIndex:
    """Read what `write_photo_index` wrote.

    Raises:
        SearchError: The folder holds no index, or a part of it is missing or of another index.
    """
    if not (folder / INDEX_FILE).is_file():
        message = f"There is no index in {folder}: make one with `kedro run --pipelines search`."
        raise SearchError(message)
    try:
        refuse_links(folder)
        check_folder(folder, REMAKE)
        description = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        parameters = IndexParameters(**description["parameters"])
        index = PhotoIndex(
            photos=pd.read_parquet(folder / PHOTOS_FILE),
            vectors=read_vector_index(folder, parameters),
            parameters=parameters,
            encoder=find_weights(description["encoder"], folder),
            encoder_key=description["encoder_key"],
            store_settings=description["store_settings"],
            thumbnails=open_photo_store(folder / THUMBNAILS_FILE),
            limit=float(description["limit"]),
        )
    except (DamagedError, OutsideError) as error:
        raise SearchError(str(error)) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise SearchError(_damaged(folder, f"{type(error).__name__}: {error}")) from error
    counts = {description["photos"], len(index.photos), len(index.vectors.vectors)}
    if len(counts) > 1:
        raise SearchError(_damaged(folder, f"its parts are of {sorted(counts)} photos"))
    return index


def _damaged(folder: Path, what: str) -> str:
    return (
        f"The index in {folder} is damaged ({what}): make it anew with "
        "`kedro run --pipelines search`."
    )


def _thumbnails(contents: list[str], store: PhotoStore, side: int) -> PhotoStore:
    import pyarrow as pa
    from tqdm import tqdm

    small = [
        _thumbnail(store.jpeg(content), side)
        for content in tqdm(contents, "Small copies", unit=" photos", smoothing=0.05)
    ]
    columns = {
        "sha256": pa.array(contents, pa.string()),
        "jpeg": pa.array(small, pa.large_binary()),
    }
    table = pa.table(columns).replace_schema_metadata({"preparation": f"thumbnails of {side}"})
    return PhotoStore(table)


def _thumbnail(jpeg: bytes, side: int) -> bytes:
    from PIL import Image

    from chajong.photos.decode import decode_photo

    photo = Image.fromarray(decode_photo(jpeg, shortest_side=side))
    photo.thumbnail((side, side))
    file = BytesIO()
    photo.save(file, "JPEG", quality=THUMBNAIL_QUALITY)
    return file.getvalue()
