"""What the shared tables must hold; a bad value stops the save."""

import pandera.pandas as pa

from chajong.photos.review import VERDICTS

STATUSES = ("ok", "unreadable", "missing")

Photos = pa.DataFrameSchema(
    {
        "photo_id": pa.Column(str, unique=True),
        "path": pa.Column(str),
        "split": pa.Column(str, pa.Check.isin(["train", "test"])),
        "class_name": pa.Column(str, nullable=True),
        "group": pa.Column(str, nullable=True),
        "verdict": pa.Column(str, pa.Check.isin(["", *VERDICTS])),
        "sha256": pa.Column(str, nullable=True),
        "perceptual_hash": pa.Column(str, nullable=True),
        "width": pa.Column("Int64", pa.Check.gt(0), nullable=True),
        "height": pa.Column("Int64", pa.Check.gt(0), nullable=True),
        "bytes": pa.Column("Int64", pa.Check.ge(0), nullable=True),
        "status": pa.Column(str, pa.Check.isin(STATUSES)),
        "reason": pa.Column(str, nullable=True),
        "brightness": pa.Column(float, pa.Check.in_range(0, 255), nullable=True),
        "contrast": pa.Column(float, pa.Check.in_range(0, 128), nullable=True),
        "saturation": pa.Column(float, pa.Check.in_range(0, 1), nullable=True),
    },
    checks=pa.Check(
        lambda photos: (photos["status"] == "ok") | photos["reason"].notna(),
        error="a photo that is not ok must have a reason",
    ),
    strict=True,
)
"""One row a photo, readable or not."""

Classes = pa.DataFrameSchema(
    {
        "class_id": pa.Column(int, pa.Check.ge(0), unique=True),
        "name": pa.Column(str, unique=True),
        "effective_class": pa.Column(str),
        "effective_id": pa.Column(int, pa.Check.ge(0)),
        "stem": pa.Column(str),
        "base": pa.Column(str),
        "generation": pa.Column(str, nullable=True),
        "facelift": pa.Column(str, nullable=True),
        "powertrain": pa.Column(str, nullable=True),
        "first_year": pa.Column("Int64", nullable=True),
        "last_year": pa.Column("Int64", nullable=True),
        "maker": pa.Column(str, nullable=True),
        "english": pa.Column(str),
        "korean_prompts": pa.Column(object),
        "english_prompts": pa.Column(object),
    },
    strict=True,
)
"""One row a class name of the submission."""

Folds = pa.DataFrameSchema(
    {
        "photo_id": pa.Column(str, unique=True),
        "group": pa.Column(int),
        "fold": pa.Column(int, pa.Check.ge(-1)),
        "label_counts": pa.Column(bool),
        "encoder": pa.Column(str),
    },
    checks=pa.Check(
        lambda folds: folds.groupby("group")["fold"].nunique().le(1).all(),
        error="photos of one group must stay in one fold",
    ),
    strict=True,
)
"""One row a readable train photo; fold -1 is the calibration slice. `encoder` is the key of the one
by whose features photos were joined, in every row, and empty where none was."""
