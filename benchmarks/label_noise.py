"""Labels flipped at random: how many of them are found, beside plain cleanlab.

    python -m benchmarks.label_noise --data-dir data --encoders hog clip_frozen
    python -m benchmarks.label_noise --data-dir CARS98_RUN --encoders timm_frozen --seeds 3

Of the train photos whose labels count, 3 % get another class, drawn uniformly. Light heads predict
out of fold from the flipped labels; all scores then see the same probabilities. As many photos as
were flipped are taken from the top of each score, so that its precision is its recall. Photos that
share a picture with one of another class, which our score puts first, are left out.

Last, the labels as they are: where the score puts photos whose picture carries two labels.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from chajong.encoders.features import features_from_table
from chajong.members.heads.normalisation import normalise_features
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads
from chajong.predictions.scoring import train_labels
from chajong.reports.label_noise import label_noise_scores
from chajong.reports.neighbour_votes import (
    Neighbours,
    comparable_directions,
    near_duplicate_conflicts,
    nearest_neighbours,
    neighbour_votes,
)
from chajong.tables import read_table

SHARE = 0.03
HEADS = HeadsParameters(
    kinds=("logistic_regression", "prototypes"), signed_square_root=False, l2=False
)


@dataclass(frozen=True, eq=False)
class Problem:
    """Train photos of the folds.

    Attributes:
        photo_ids: One a photo.
        features: float32 [photos, width], all encoders side by side, each of length 1.
        neighbours: Of every photo.
        labels: int64 [photos].
        folds: int [photos].
        counts: bool [photos], whether the label counts.
        groups: int [photos], by perceptual hash.
        conflicts: bool [photos], the same file under two labels.
        near_conflicts: bool [photos], the same picture under two labels.
        class_count: Number of effective classes.
    """

    photo_ids: list[str]
    features: torch.Tensor
    neighbours: Neighbours
    labels: np.ndarray
    folds: np.ndarray
    counts: np.ndarray
    groups: np.ndarray
    conflicts: np.ndarray
    near_conflicts: np.ndarray
    class_count: int


def main() -> None:
    """Print the figures of all seeds and where known conflicts are."""
    arguments = _arguments()
    problem = _problem(Path(arguments.data_dir), arguments.encoders)
    runs = pd.DataFrame([_flipped_run(problem, seed) for seed in range(arguments.seeds)])
    print(f"\n{int(runs['flipped'][0])} labels flipped; found in the top as many, by seed:")
    figures = runs.drop(columns="flipped").T
    figures.insert(0, "median", figures.median(axis=1))
    print(figures.round(3).to_string())
    ours, plain = figures.loc["ours", "median"], figures.loc["cleanlab self_confidence", "median"]
    print(f"ours / cleanlab self_confidence, medians: {ours / plain:.3f}")
    _print_conflicts(problem)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--encoders", nargs="+", default=["hog", "clip_frozen"])
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


def _problem(data_dir: Path, encoders: list[str]) -> Problem:
    tables = data_dir / "03_primary"
    photos, classes, folds, groups = (
        pd.read_parquet(tables / f"{name}.parquet")
        for name in ("photos", "classes", "folds", "photo_groups")
    )
    photo_ids = folds["photo_id"].tolist()
    groups = groups.set_index("photo_id").loc[photo_ids]
    labels = train_labels(photos, classes).loc[photo_ids].to_numpy()
    blocks = [
        features_from_table(read_table(data_dir / "04_feature" / name / "features.arrow")).rows(
            photo_ids
        )
        for name in encoders
    ]
    directions = [comparable_directions(block) for block in blocks]
    near, counts = groups["near_duplicates"].to_numpy(), folds["label_counts"].to_numpy()
    conflicts = groups["conflict"].to_numpy()
    normalised = [normalise_features(torch.tensor(block), True, True) for block in blocks]
    return Problem(
        photo_ids=photo_ids,
        features=torch.cat(normalised, dim=1),
        neighbours=nearest_neighbours(directions, folds["group"].to_numpy(), counts),
        labels=labels,
        folds=folds["fold"].to_numpy(),
        counts=counts,
        groups=near,
        conflicts=conflicts,
        near_conflicts=near_duplicate_conflicts(directions, near, labels) & ~conflicts,
        class_count=classes["effective_class"].nunique(),
    )


def _flipped_run(problem: Problem, seed: int) -> dict[str, float]:
    """Flip labels, and return the share of them that each score finds."""
    generator = np.random.default_rng(seed)
    fair = problem.counts & (problem.folds >= 0) & ~problem.near_conflicts
    flipped = generator.choice(np.flatnonzero(fair), round(SHARE * fair.sum()), replace=False)
    labels = problem.labels.copy()
    labels[flipped] += generator.integers(1, problem.class_count, len(flipped))
    labels %= problem.class_count
    log_probabilities = _out_of_fold(problem, labels)
    rows = np.flatnonzero(fair)
    wrong = np.isin(rows, flipped)
    given, probabilities = labels[rows], _probabilities(log_probabilities[rows])

    def found(order: np.ndarray) -> float:
        return float(wrong[order[: len(flipped)]].mean()) * _filled(order, len(flipped))

    figures: dict[str, float] = {"flipped": len(flipped)}
    for method in ("self_confidence", "normalized_margin"):
        quality = get_label_quality_scores(given, probabilities, method=method)
        figures[f"cleanlab {method}"] = found(np.argsort(quality, kind="stable"))
    issues = find_label_issues(
        given, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    figures["cleanlab find_label_issues"] = found(issues)
    votes = neighbour_votes(problem.neighbours, labels, problem.class_count)[rows]
    none = np.zeros(len(rows), dtype=bool)
    for name, witness in (("ours without neighbours", None), ("ours", votes)):
        scores = label_noise_scores(log_probabilities[rows], given, witness, none, none)
        figures[name] = found(np.argsort(scores["rank"].to_numpy()))
    return figures


def _filled(order: np.ndarray, count: int) -> float:
    """Return the share of the top that a list fills; a shorter one finds less."""
    return min(len(order), count) / count


def _probabilities(log_probabilities: np.ndarray) -> np.ndarray:
    shares = np.exp(log_probabilities.astype(np.float64))
    normalised: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return normalised


def _out_of_fold(problem: Problem, labels: np.ndarray) -> np.ndarray:
    names = torch.zeros(problem.class_count, 1)
    found = search_heads(
        problem.features,
        torch.from_numpy(labels),
        problem.folds,
        problem.counts,
        problem.class_count,
        names,
        HEADS,
        torch.device("cpu"),
    )
    return found.out_of_fold


def _print_conflicts(problem: Problem) -> None:
    """Rank the labels as they are, and name the photos whose picture carries two labels."""
    rows = np.flatnonzero(problem.folds >= 0)
    log_probabilities = _out_of_fold(problem, problem.labels)[rows]
    votes = neighbour_votes(problem.neighbours, problem.labels, problem.class_count)[rows]
    started = time.perf_counter()
    scores, unaided = (
        label_noise_scores(log_probabilities, problem.labels[rows], votes, first, second)
        for first, second in (
            (problem.conflicts[rows], problem.near_conflicts[rows]),
            (np.zeros(len(rows), bool), np.zeros(len(rows), bool)),
        )
    )
    seconds = (time.perf_counter() - started) / 2
    print(f"\nLabels as they are, {len(rows):,} photos of the folds ({seconds:.1f} s to score).")
    print("Near-duplicates by hash under two labels: rank, rank without the rule, picture, photo")
    table = pd.DataFrame({"group": problem.groups[rows], "label": problem.labels[rows]})
    mixed = (table.groupby("group")["label"].transform("nunique") > 1).to_numpy()
    for place in sorted(np.flatnonzero(mixed), key=lambda place: scores["rank"][place])[:12]:
        kind = scores["conflict"][place] or "another picture"
        photo = problem.photo_ids[rows[place]]
        print(f"  {scores['rank'][place]:6,}  {unaided['rank'][place]:6,}  {kind:15s}  {photo}")


if __name__ == "__main__":
    main()
