"""How far cross-fitting on reused predictions is from a fully nested run, and what shift does.

    python -m benchmarks.nested_ensemble --data-dir data --encoders hog small_clip
    python -m benchmarks.nested_ensemble --data-dir CARS98_RUN --encoders lite0.safetensors

Every encoder under every kind of light head is a member. Fold k's photos are always predicted by
heads that were trained without fold k; what differs is what the pool of the members is fitted on:

- reused: out-of-fold predictions of the other folds, whose heads saw fold k (what a run does);
- nested: predictions of heads that saw neither fold k nor the fold they predict.

Then a share of all photos is darkened (by a factor of its own each) before anything is fitted, and
fold k's photos are all darkened, as a test set is darker than its train set. Plain fitting treats
the other folds' photos alike; test-like fitting weighs them by how much they look like fold k's
dark photos; `chosen` takes what a run's rule takes. The same is done without any darkening of fold
k, whose photos then look like all others.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from chajong.encoders.building import build_encoder
from chajong.encoders.extraction import encode_all
from chajong.encoders.parameters import read_encoder
from chajong.ensembling.pools.choice import (
    ChosenPool,
    PoolingProblem,
    choose_pool,
    cross_fit_pool,
)
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import HeadSearch, search_heads
from chajong.names.embedding import embed_names
from chajong.photos.preparation import StoreSettings, prepare_photo
from chajong.photos.store import PhotoStore, open_photo_store
from chajong.photos.test_likeness import likeness_to_test
from chajong.predictions.contract import effective_class_names
from chajong.predictions.intervals import mean_interval
from chajong.predictions.scoring import train_labels

KINDS = ("prototypes", "name_aware", "logistic_regression", "neighbours")
FITS = ("plain", "test-like", "chosen")
SEED = 0


@dataclass(frozen=True, eq=False)
class Problem:
    """Photos of the folds, some of them dark, and the same photos all dark.

    Attributes:
        photos: The rows of the `photos` table, some with the statistics of the darkened photo.
        darkened: The same rows, all darkened.
        features: By encoder float32 [photos, width].
        dark_features: The same of the darkened photos.
        labels: int [photos].
        folds: int [photos].
        groups: int [photos].
        counts: bool [photos].
        class_names: The effective classes.
    """

    photos: pd.DataFrame
    darkened: pd.DataFrame
    features: dict[str, torch.Tensor]
    dark_features: dict[str, torch.Tensor]
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    counts: np.ndarray
    class_names: tuple[str, ...]


def main() -> None:
    """Run all folds and print both comparisons."""
    arguments = _arguments()
    problem = _problem(arguments)
    members = [(encoder, kind) for encoder in problem.features for kind in KINDS]
    usual = {member: _search(problem, member, problem.folds) for member in members}
    losses: dict[str, np.ndarray] = {
        name: np.full(len(problem.folds), np.nan)
        for name in ("reused", "nested", *(start + fit for start in ("dark ", "") for fit in FITS))
    }
    chosen = [
        _score_fold(problem, members, usual, int(fold), losses) for fold in np.unique(problem.folds)
    ]
    _report(problem, usual, losses, chosen)


def _score_fold(
    problem: Problem,
    members: list[tuple[str, str]],
    usual: dict[tuple[str, str], HeadSearch],
    fold: int,
    losses: dict[str, np.ndarray],
) -> dict[str, str]:
    """Fill in fold k's losses, and name the method that each fit chose."""
    held_out, others = problem.folds == fold, problem.folds != fold
    # Heads never train on what is in no fold.
    inner_folds = np.where(held_out, -1, problem.folds)
    inner = [_search(problem, member, inner_folds).out_of_fold for member in members]
    reused = _fit(problem, [usual[member].out_of_fold for member in members], others)
    nested = _fit(problem, inner, others)
    own = [usual[member].out_of_fold[held_out] for member in members]
    taken = {"reused": reused.pool.method, "nested": nested.pool.method}
    losses["reused"][held_out] = _losses(reused, own, problem.labels[held_out])
    losses["nested"][held_out] = _losses(nested, own, problem.labels[held_out])
    for prefix, features, table in (
        ("dark ", problem.dark_features, problem.darkened),
        ("", problem.features, problem.photos),
    ):
        scored = [
            usual[encoder, kind].fold_models[fold].log_probabilities(features[encoder][held_out])
            for encoder, kind in members
        ]
        weights = _test_like_weights(problem, others, table[held_out])
        test_like = _fit(problem, inner, others, weights)
        labels = problem.labels[held_out]
        losses[prefix + "plain"][held_out] = _losses(nested, scored, labels)
        losses[prefix + "test-like"][held_out] = _losses(test_like, scored, labels)
        better = "test-like" if _is_certain(problem, inner, others, weights) else "plain"
        losses[prefix + "chosen"][held_out] = losses[prefix + better][held_out]
        taken[prefix + "fit"] = better
    return taken


def _search(problem: Problem, member: tuple[str, str], folds: np.ndarray) -> HeadSearch:
    encoder, kind = member
    return search_heads(
        features=problem.features[encoder],
        labels=torch.from_numpy(problem.labels),
        folds=folds,
        label_counts=problem.counts,
        class_count=len(problem.class_names),
        name_embeddings=torch.from_numpy(embed_names(problem.class_names, "characters", "cpu")),
        parameters=HeadsParameters(kinds=(kind,)),
        device=torch.device("cpu"),
    )


def _is_certain(
    problem: Problem, members: list[np.ndarray], rows: np.ndarray, weights: np.ndarray
) -> bool:
    """Ask whether test-like fitting helps test-like photos of the other folds for certain."""
    plain, test_like = (
        _out_of_part_losses(problem, members, rows, each)
        for each in (np.ones(len(weights)), weights)
    )
    used = rows & problem.counts
    gains = (plain - test_like) * weights[used] / weights[used].mean()
    return mean_interval(gains, problem.groups[used])[0] > 0


def _out_of_part_losses(
    problem: Problem, members: list[np.ndarray], rows: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    used = rows & problem.counts
    pooling = PoolingProblem(
        members=[member[used] for member in members],
        labels=problem.labels[used],
        counts=problem.counts[used],
        groups=problem.groups[used],
        parts=problem.folds[used],
        photo_weights=weights[used],
    )
    return cross_fit_pool(pooling).apply(
        lambda chosen, part: _losses(
            chosen, [member[used][part] for member in members], problem.labels[used][part]
        )
    )


def _fit(
    problem: Problem, members: list[np.ndarray], rows: np.ndarray, weights: np.ndarray | None = None
) -> ChosenPool:
    pooling = PoolingProblem(
        members=members,
        labels=problem.labels,
        counts=problem.counts,
        groups=problem.groups,
        parts=problem.folds,
        photo_weights=np.ones(len(problem.folds)) if weights is None else weights,
    )
    return choose_pool(pooling, rows)


def _losses(chosen: ChosenPool, members: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    scored = chosen.pool.log_probabilities(members)
    return -scored[np.arange(len(labels)), labels].astype(np.float64)


def _test_like_weights(problem: Problem, others: np.ndarray, test: pd.DataFrame) -> np.ndarray:
    """Weigh the other folds' photos by how much they look like fold k's."""
    train = problem.photos[others]
    both = pd.concat([train.assign(split="train"), test.assign(split="test")])
    folds = pd.DataFrame(
        {
            "photo_id": train["photo_id"].to_numpy(),
            "fold": problem.folds[others],
            "group": problem.groups[others],
        }
    )
    weights = np.ones(len(problem.folds))
    weights[others] = likeness_to_test(both, folds, SEED).loc[train["photo_id"]].to_numpy()
    return weights


def _report(
    problem: Problem,
    usual: dict[tuple[str, str], HeadSearch],
    losses: dict[str, np.ndarray],
    chosen: list[dict[str, str]],
) -> None:
    counts = problem.counts
    rows = np.arange(len(counts))
    print(f"\n{counts.sum():,} photos, {len(problem.class_names)} classes, out-of-fold log loss")
    for (encoder, kind), search in usual.items():
        loss = -search.out_of_fold[rows, problem.labels][counts].mean()
        print(f"  {encoder + ', ' + kind:32} {loss:.4f}")
    for name, values in losses.items():
        print(f"  {name:32} {values[counts].mean():.4f}")
    for better, worse in (
        ("nested", "reused"),
        *((start + fit, start + "plain") for start in ("dark ", "") for fit in FITS[1:]),
    ):
        gains = (losses[worse] - losses[better])[counts]
        low, high = mean_interval(gains, problem.groups[counts])
        print(
            f"  {worse} - {better}: {gains.mean():+.4f} ({low:+.4f} to {high:+.4f}); ratio "
            f"{losses[worse][counts].mean() / losses[better][counts].mean():.4f}"
        )
    print(f"  chosen by fold: {chosen}")


def _problem(arguments: argparse.Namespace) -> Problem:
    data = Path(arguments.data_dir)
    classes = pd.read_parquet(data / "03_primary" / "classes.parquet")
    photos = pd.read_parquet(data / "03_primary" / "photos.parquet")
    folds = pd.read_parquet(data / "03_primary" / "folds.parquet").query("fold >= 0")
    rows = photos.set_index("photo_id", drop=False).loc[folds["photo_id"]].reset_index(drop=True)
    store = open_photo_store(data / "03_primary" / "photo_store.arrow")
    dark_rows, dark_store = _darken(rows, store, *arguments.factors)
    names = {Path(encoder).stem: encoder for encoder in arguments.encoders}
    features = {name: _encode(encoder, rows, store) for name, encoder in names.items()}
    dark = {name: _encode(encoder, dark_rows, dark_store) for name, encoder in names.items()}
    groups = folds["group"].to_numpy()
    is_dark = np.random.default_rng(SEED).random(groups.max() + 1)[groups] < arguments.dark_share
    for name in names:
        features[name][is_dark] = dark[name][is_dark]
    return Problem(
        photos=pd.concat([rows[~is_dark], dark_rows[is_dark]]).sort_index(),
        darkened=dark_rows,
        features=features,
        dark_features=dark,
        labels=train_labels(photos, classes).loc[folds["photo_id"]].to_numpy(),
        folds=folds["fold"].to_numpy(),
        groups=groups,
        counts=folds["label_counts"].to_numpy(),
        class_names=effective_class_names(classes),
    )


def _darken(
    photos: pd.DataFrame, store: PhotoStore, darkest: float, lightest: float
) -> tuple[pd.DataFrame, PhotoStore]:
    """Multiply every photo by a factor of its own, and measure it anew."""
    import pyarrow as pa

    factors = np.random.default_rng(SEED).uniform(darkest, lightest, len(photos))
    rows, jpegs = [], []
    for (_, photo), factor in zip(photos.iterrows(), factors, strict=True):
        picture = Image.open(BytesIO(store.jpeg(photo["sha256"])))
        file = BytesIO()
        picture.point(lambda value, by=factor: value * by).save(file, "JPEG", quality=92)
        prepared = prepare_photo(file.getvalue(), StoreSettings())
        measured = {
            "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
            "brightness": prepared.brightness,
            "contrast": prepared.contrast,
            "saturation": prepared.saturation,
        }
        rows.append({**photo, **measured})
        jpegs.append(file.getvalue())
    table = pd.DataFrame(rows)
    stored = pa.table(
        {"sha256": pa.array(table["sha256"]), "jpeg": pa.array(jpegs, pa.large_binary())}
    )
    return table, PhotoStore(stored)


def _encode(encoder: str, photos: pd.DataFrame, store: PhotoStore) -> torch.Tensor:
    """Encode photos by HOG, the small CLIP, or EfficientNet-Lite0 of a weights file."""
    described: dict[str, object] = {"library": "hog"}
    if encoder == "small_clip":
        described = {
            "library": "open_clip",
            "model": "small_clip",
            "weights": "data/06_models/small_clip",
        }
    elif encoder != "hog":
        described = {"library": "timm", "model": "tf_efficientnet_lite0", "weights": encoder}
    model = build_encoder(read_encoder(described))
    return torch.from_numpy(encode_all(photos["sha256"].tolist(), store, model))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data-dir", default="data", help="a run's data folder")
    parser.add_argument(
        "--encoders",
        nargs="+",
        default=["hog", "small_clip"],
        help="hog, small_clip, or a safetensors file of timm's tf_efficientnet_lite0",
    )
    parser.add_argument(
        "--factors",
        nargs=2,
        type=float,
        default=(0.05, 0.2),
        metavar=("DARKEST", "LIGHTEST"),
        help="what the brightness of dark photos is multiplied by, default 0.05 0.2",
    )
    parser.add_argument(
        "--dark-share", type=float, default=0.25, help="share of dark train photos, default 0.25"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
