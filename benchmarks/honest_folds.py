"""Plain and matched out-of-fold loss against the loss on a tenth that was set aside.

    kedro run --pipelines data_processing --params raw_dir=path/to/photos,data_dir=path/to/results
    python -m benchmarks.honest_folds --data path/to/results --weights path/to/weights.safetensors
    python -m benchmarks.honest_folds --data … --weights … --bursts

EfficientNet-Lite0 at 160 px, frozen, under a linear discriminant. A tenth of the train photos, in
whole groups of near-duplicates, stands for the test set: its features are looked at and its labels
are only scored. With ``--bursts`` each other train photo comes with 4 to 8 copies as a hand-held
burst would make them (small moves, zooms, light, blur, re-encoding), none of which is known to
belong to it. Features are kept in the results, so that an interrupted run resumes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold
from torchvision.transforms import v2

from chajong.encoders.building import build_encoder
from chajong.encoders.extraction import encode_all
from chajong.encoders.parameters import PretrainedParameters
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads
from chajong.photos.decode import decode_photo
from chajong.photos.store import PhotoStore, open_photo_store
from chajong.predictions.calibration import fit_temperature
from chajong.predictions.contract import normalise_log
from chajong.predictions.metric import log_loss
from chajong.predictions.scoring import train_labels
from chajong.training.augmentation import Augmentation
from chajong.training.folds import make_folds
from chajong.training.matched_folds import match_groups
from chajong.training.parameters import AugmentationParameters, MatchedFoldsParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chajong.encoders.encoder import Encoder

SIDE = 160
FOLDS = 5
PARTS = 8
FEWEST_COPIES, MOST_COPIES = 4, 8
HAND_HELD = AugmentationParameters(
    crop_area=(0.85, 1.0),
    crop_ratio=(0.95, 1.05),
    half_crop=0,
    flip=0,
    rotation=2,
    brightness=(0.85, 1.15),
    gamma=(0.9, 1.1),
    saturation=(0.9, 1.1),
    contrast=(0.9, 1.1),
    jpeg_quality=(55, 92),
    erasing=0,
)
DISCRIMINANT = HeadsParameters(kinds=("prototypes",))


def encode_bursts(
    contents: Sequence[str], store: PhotoStore, encoder: Encoder
) -> dict[str, np.ndarray]:
    """Encode copies of each photo: `matrix`, and the position of each copy's photo, `photo`."""
    torch.manual_seed(0)
    vary = Augmentation(HAND_HELD, SIDE, SIDE)
    blur = v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.2))], 0.5)
    counts = np.random.default_rng(0).integers(FEWEST_COPIES, MOST_COPIES + 1, len(contents))
    encoded = []
    for content, count in zip(contents, counts, strict=True):
        photo = decode_photo(store.jpeg(content))
        copies = torch.stack([blur(vary(photo)) for _ in range(count)])
        encoded.append(encoder.encode(copies[:, None]))
    return {"matrix": np.concatenate(encoded), "photo": np.repeat(np.arange(len(counts)), counts)}


def read_features(
    given: argparse.Namespace, contents: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode photos, and copies of them if asked for, or read what an earlier run encoded.

    Returns:
        Features of the photos and of the copies, and the position of each copy's photo.
    """
    store = open_photo_store(given.data / "03_primary/photo_store.arrow")
    encoder = build_encoder(
        PretrainedParameters(
            library="timm",
            model="tf_efficientnet_lite0",
            weights=str(given.weights),
            image_size=SIDE,
            zoom=(1.0,),
            flip=False,
        )
    )
    kept_in = given.data / "honest_folds"
    kept_in.mkdir(exist_ok=True)
    if not (kept_in / "photos.npy").exists():
        np.save(kept_in / "photos.npy", encode_all(contents, store, encoder, "Photos"))
    photos = np.load(kept_in / "photos.npy")
    matrices, owners = [photos[:0]], [np.empty(0, int)]
    for part, rows in enumerate(np.array_split(np.arange(len(contents)), PARTS)):
        file = kept_in / f"copies_{part}.npz"
        if given.bursts:
            if not file.exists():
                np.savez(file, **encode_bursts([contents[row] for row in rows], store, encoder))
            kept = np.load(file)
            matrices.append(kept["matrix"])
            owners.append(rows[kept["photo"]])
    return photos, np.concatenate(matrices), np.concatenate(owners)


def measure(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    held_back: tuple[np.ndarray, np.ndarray],
) -> dict[str, float]:
    """Fit a discriminant fold by fold, and score photos out of fold and photos held back.

    One model answers a photo out of fold and all together a photo held back: `by_one_model` is the
    mean loss of single models on photos held back, which compares like with like.
    """
    everything = np.ones(len(labels), bool)
    names = [f"{number:06d}" for number in range(len(labels))]
    table = make_folds(
        names,
        labels.tolist(),
        groups,
        label_counts=everything,
        fold_count=FOLDS,
        calibration_fraction=0.06,
        seed=0,
    )
    folds, count = table["fold"].to_numpy(), labels.max() + 1
    search = search_heads(
        features=torch.from_numpy(features),
        labels=torch.from_numpy(labels),
        folds=folds,
        label_counts=everything,
        class_count=count,
        name_embeddings=torch.empty(count, 0),
        parameters=DISCRIMINANT,
        device=torch.device("cpu"),
    )
    in_fold = folds >= 0
    tenth, tenth_labels = torch.from_numpy(held_back[0]), held_back[1]
    each = [normalise_log(model.log_probabilities(tenth)) for model in search.fold_models]
    answers = normalise_log(np.mean(each, axis=0))
    best = fit_temperature(answers, tenth_labels)
    return {
        "out_of_fold": log_loss(search.out_of_fold[in_fold], labels[in_fold]),
        "by_one_model": float(np.mean([log_loss(one, tenth_labels) for one in each])),
        "held_back": log_loss(answers, tenth_labels),
        "best": log_loss(normalise_log(answers / best), tenth_labels),
    }


def main() -> None:
    """Set tenths aside one after another, and print a row a way to make folds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--bursts", action="store_true")
    parser.add_argument("--tenths", type=int, default=1, help="how many are set aside in turn")
    given = parser.parse_args()
    photos, classes, folds, given_groups = (
        pd.read_parquet(given.data / f"03_primary/{table}.parquet")
        for table in ("photos", "classes", "folds", "photo_groups")
    )
    contents = photos.set_index("photo_id").loc[folds["photo_id"], "sha256"].tolist()
    matrix, copies, copied = read_features(given, contents)
    labels = train_labels(photos, classes).loc[folds["photo_id"]].to_numpy(np.int64)
    known, counts = given_groups["group"].to_numpy(), folds["label_counts"].to_numpy()
    tenths = StratifiedGroupKFold(10, shuffle=True, random_state=0).split(matrix, labels, known)
    rows = []
    for number, parts in zip(range(given.tenths), tenths, strict=False):
        kept, tenth = (part[counts[part]] for part in parts)
        of_kept = np.isin(copied, kept)
        features = np.concatenate([matrix[kept], copies[of_kept]])
        shown = np.concatenate([labels[kept], labels[copied[of_kept]]])
        alone = known.max() + 1 + np.arange(of_kept.sum())
        groups = np.concatenate([known[kept], alone])
        matching = match_groups(
            features,
            matrix[tenth],
            shown.tolist(),
            groups,
            thresholds=MatchedFoldsParameters().thresholds,
            fold_count=FOLDS,
            seed=0,
        )
        print(matching.table().to_string(index=False, float_format="%.3f"), flush=True)
        of_photo = np.concatenate([kept, copied[of_kept]])
        ways = {"plain": groups, "matched": matching.chosen.groups}
        if given.bursts:
            ways["true bursts"] = known[of_photo]
        for way, chosen in ways.items():
            figures = measure(features, shown, chosen, (matrix[tenth], labels[tenth]))
            rows.append({"tenth": number, "folds": way, "photos": len(tenth), **figures})
    table = pd.DataFrame(rows)
    mean = table.drop(columns="tenth").groupby("folds", sort=False).mean().reset_index()
    for each in (table, mean):
        off = each["out_of_fold"] / each["held_back"] - 1
        print(each.assign(off=off).to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    main()
