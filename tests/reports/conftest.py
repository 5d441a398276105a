"""Answers of tiny members on tiny photos."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from chajong.names.table import class_table
from chajong.photos.store import PhotoStore
from chajong.predictions.contract import Predictions, normalise_log
from chajong.reports.scored_photos import ScoredPhotos

HOSTILE = "<script>alert('K5')</script>&\"_2020"
NAMES = ["K5_3세대_2020_2022", "K5_2세대_2016_2019", "그랜저_IG_2017_2019", HOSTILE]


@pytest.fixture
def make_scored() -> Callable[..., ScoredPhotos]:
    """Random answers that lean towards the label."""

    def make(photos: int = 60, classes: int = 4, seed: int = 0, lean: float = 1.5) -> ScoredPhotos:
        generator = np.random.default_rng(seed)
        # The labels are those of every seed: members answer the same photos.
        labels = np.random.default_rng(photos).integers(classes, size=photos)
        scores = generator.normal(size=(photos, classes))
        scores[np.arange(photos), labels] += lean
        names = (NAMES + [f"차_{number}" for number in range(classes)])[:classes]
        return ScoredPhotos(
            photo_ids=np.array([f"train/{number}.jpg" for number in range(photos)], dtype=object),
            sha256s=np.array([f"sha{number % 5}" for number in range(photos)], dtype=object),
            labels=labels,
            log_probabilities=normalise_log(scores),
            class_names=tuple(names),
        )

    return make


@pytest.fixture
def answer() -> Callable[..., ScoredPhotos]:
    """Answers with stated probabilities."""

    def make(probabilities: list[list[float]], labels: list[int], names=NAMES) -> ScoredPhotos:
        count = len(labels)
        return ScoredPhotos(
            np.array([f"train/{number}.jpg" for number in range(count)], dtype=object),
            np.array([f"sha{number}" for number in range(count)], dtype=object),
            np.array(labels),
            np.log(np.array(probabilities, dtype=np.float32)),
            tuple(names[: len(probabilities[0])]),
        )

    return make


@pytest.fixture
def classes() -> pd.DataFrame:
    return class_table({name: name for name in NAMES})


@pytest.fixture
def store() -> PhotoStore:
    def jpeg(shade: int) -> bytes:
        file = BytesIO()
        Image.new("RGB", (64, 40), (shade, 90, 160)).save(file, "JPEG")
        return file.getvalue()

    keys = [f"sha{number}" for number in range(5)]
    jpegs = pa.array([jpeg(40 * number) for number in range(5)], pa.large_binary())
    return PhotoStore(pa.table({"sha256": keys, "jpeg": jpegs}))


@pytest.fixture
def as_predictions() -> Callable[..., Predictions]:
    """Predictions of scored train photos, and of test photos with the same rows."""

    def make(scored: ScoredPhotos, test_photos: int = 0, contract: str = "c") -> Predictions:
        test_ids = [f"TEST_{number:05d}" for number in range(test_photos)]
        rows = pd.DataFrame(
            {
                "photo_id": [*scored.photo_ids, *test_ids],
                "split": ["train"] * len(scored) + ["test"] * test_photos,
                "fold": [0] * len(scored) + [-1] * test_photos,
                "label_counts": [True] * len(scored) + [False] * test_photos,
            }
        )
        values = np.concatenate([scored.log_probabilities, scored.log_probabilities[:test_photos]])
        return Predictions(rows, values, scored.class_names, contract)

    return make


@pytest.fixture
def as_photos() -> Callable[..., pd.DataFrame]:
    """The `photos` table of scored train photos and of test photos."""

    def make(scored: ScoredPhotos, test_photos: int = 0) -> pd.DataFrame:
        train = pd.DataFrame(
            {
                "photo_id": scored.photo_ids,
                "split": "train",
                "class_name": scored.names_of(scored.labels),
                "sha256": scored.sha256s,
                "status": "ok",
            }
        )
        test_ids = [f"TEST_{number:05d}" for number in range(test_photos)]
        contents = [f"sha{number % 5}" for number in range(test_photos)]
        test = {"photo_id": test_ids, "split": "test", "sha256": contents, "status": "ok"}
        return pd.concat([train, pd.DataFrame(test)], ignore_index=True)

    return make
