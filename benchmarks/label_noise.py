"""Flipped labels: how many of them each score finds, beside cleanlab's self-confidence.

    python -m benchmarks.label_noise --data-dir data --members clip_frozen hog --seeds 10
    python -m benchmarks.label_noise --data-dir CARS98_RUN --members lite0 --seeds 3

Of the train photos whose labels count, 3 % or 8 % get another class: one drawn uniformly, or one of
the three that the class is most often taken for. Light heads of the members' features (narrowed to
their 512 principal directions, which is fast) predict out of fold from the flipped labels, and all
scores see the same probabilities: the members' pool. A run's features, folds and names are taken as
they are; photos whose picture carries two labels are left out.

A score is measured by its average precision, and by the share found in the top as many as were
flipped (precision and recall are the same number there). Differences are to cleanlab's
self-confidence, with 95 % intervals over seeds and groups of photos, both drawn with replacement.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_ensemble_scores, get_label_quality_scores

from chajong.encoders.features import features_from_table
from chajong.members.heads.normalisation import normalise_features
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import search_heads
from chajong.names.embedding import embed_names
from chajong.predictions.contract import effective_class_names
from chajong.predictions.mixture import fit_mixture
from chajong.predictions.scoring import train_labels
from chajong.reports.label_noise import doubt_labels
from chajong.reports.neighbour_votes import (
    Neighbours,
    comparable_directions,
    nearest_neighbours,
    neighbour_votes,
)
from chajong.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADS = HeadsParameters(kinds=("name_aware",), signed_square_root=False, l2=False)
PLAIN = "cleanlab, self-confidence"
OURS = "ours"
SHARES = (0.03, 0.08)
WAYS = ("at random", "to look-alikes")
LOOK_ALIKES = 3
WIDTH = 512
RESAMPLES = 400

EPOCHS, BATCH, LEARNING_RATE, MOMENTUM, SCALE = 10, 128, 0.05, 0.9, 8.0
"""How the head is trained whose dynamics are watched; features have the length `SCALE`."""

SURE = 0.1
"""A label below this share of the best class's probability is left out of the second fit."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Train photos of the folds whose label counts.

    Attributes:
        features: float32 [photos, width], by member.
        directions: float32 [photos, width], the first member's, whitened without labels.
        neighbours: Of every photo.
        labels: int64 [photos].
        folds: int [photos].
        groups: int [photos].
        names: float32 [classes, name dimensions].
    """

    features: dict[str, torch.Tensor]
    directions: torch.Tensor
    neighbours: Neighbours
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    names: torch.Tensor


def main() -> None:
    """Print one table a share and way of flipping, and one of all together."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--members", nargs="+", default=["clip_frozen", "hog"])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    problem = _problem(arguments.data_dir, arguments.members)
    clean = _pooled(_out_of_fold(problem, problem.labels), problem.labels)
    print(
        f"{len(problem.labels):,} photos, accuracy {(clean.argmax(1) == problem.labels).mean():.3f}"
    )
    resamples = _Resamples(problem.groups, arguments.seeds)
    tables = []
    for share in SHARES:
        for way in WAYS:
            measured: dict[str, list[np.ndarray]] = {}
            for seed in range(arguments.seeds):
                labels = _flip(problem, clean, share, way, seed)
                wrong = labels != problem.labels
                for name, quality in _scores(problem, labels).items():
                    measured.setdefault(name, []).append(resamples.measure(quality, wrong))
            tables.append({name: resamples.average(found) for name, found in measured.items()})
            _print_table(f"{wrong.sum()} labels ({share:.0%}) flipped {way}", tables[-1])
    together = {name: np.mean([table[name] for table in tables], axis=0) for name in tables[0]}
    _print_table("all four", together)


def _problem(data_dir: Path, members: Sequence[str]) -> Problem:
    photos, classes, folds, groups = (
        pd.read_parquet(data_dir / "03_primary" / f"{name}.parquet")
        for name in ("photos", "classes", "folds", "photo_groups")
    )
    labels = train_labels(photos, classes).loc[folds["photo_id"]].to_numpy()
    pictures = groups.set_index("photo_id").loc[folds["photo_id"], "near_duplicates"].to_numpy()
    several = pd.Series(labels).groupby(pictures).transform("nunique").to_numpy() > 1
    fair = (folds["fold"] >= 0).to_numpy() & folds["label_counts"].to_numpy() & ~several
    folds, labels = folds[fair], labels[fair].astype(np.int64)
    features = {name: _narrow(_features(data_dir, name, folds["photo_id"])) for name in members}
    directions = comparable_directions(_features(data_dir, members[0], folds["photo_id"]))
    everyone = np.ones(len(labels), bool)
    return Problem(
        features=features,
        directions=_narrow(directions),
        neighbours=nearest_neighbours([directions], folds["group"].to_numpy(), everyone),
        labels=labels,
        folds=folds["fold"].to_numpy(),
        groups=np.unique(folds["group"], return_inverse=True)[1],
        names=torch.from_numpy(embed_names(effective_class_names(classes), HEADS.name_model)),
    )


def _features(data_dir: Path, member: str, photo_ids: pd.Series[str]) -> np.ndarray:
    table = read_table(data_dir / "04_feature" / member / "features.arrow")
    return features_from_table(table).rows(photo_ids.tolist())


def _narrow(features: np.ndarray) -> torch.Tensor:
    rows = normalise_features(torch.tensor(features), True, True)
    torch.manual_seed(0)
    _, _, directions = torch.pca_lowrank(rows, min(WIDTH, *rows.shape))
    return rows @ directions


def _flip(problem: Problem, clean: np.ndarray, share: float, way: str, seed: int) -> np.ndarray:
    """Give a share of the photos another label."""
    generator = np.random.default_rng(seed)
    labels, count = problem.labels.copy(), len(problem.names)
    at = generator.choice(len(labels), round(share * len(labels)), replace=False)
    if way == "at random":
        labels[at] = (labels[at] + generator.integers(1, count, len(at))) % count
        return labels
    taken_for = np.zeros((count, count))
    np.add.at(taken_for, labels, np.exp(clean))
    np.fill_diagonal(taken_for, 0)
    nearest = np.argsort(-taken_for, axis=1)[:, :LOOK_ALIKES]
    labels[at] = nearest[labels[at], generator.integers(LOOK_ALIKES, size=len(at))]
    return labels


def _out_of_fold(
    problem: Problem, labels: np.ndarray, counts: np.ndarray | None = None
) -> list[np.ndarray]:
    """Predict every photo by every member, from the photos that count."""
    counts = np.ones(len(labels), bool) if counts is None else counts
    targets, classes = torch.from_numpy(labels), len(problem.names)
    cpu = torch.device("cpu")
    return [
        search_heads(
            rows, targets, problem.folds, counts, classes, problem.names, HEADS, cpu
        ).out_of_fold
        for rows in problem.features.values()
    ]


def _pooled(parts: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    return fit_mixture(parts, labels).log_probabilities(parts).astype(np.float64)


def _scores(problem: Problem, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Give every score's opinion of every label; the lowest is the most doubtful."""
    rows = np.arange(len(labels))
    members = _out_of_fold(problem, labels)
    pooled = _pooled(members, labels)
    probabilities = [_shares(part) for part in (pooled, *members)]
    plain = get_label_quality_scores(labels, probabilities[0])
    present, compact = np.unique(labels, return_inverse=True)
    there = probabilities[0][:, present]
    issues = find_label_issues(compact, there / there.sum(axis=1, keepdims=True), n_jobs=1)
    votes = neighbour_votes(problem.neighbours, labels, len(problem.names))
    joint = _pooled([*members, np.log(votes)], labels)
    margins = _margins_by_epoch(problem, labels)
    forgotten = ((margins[:-1] > 0) & (margins[1:] <= 0)).sum(axis=0)
    sure = probabilities[0][rows, labels] >= SURE * probabilities[0].max(axis=1)
    again = _out_of_fold(problem, labels, sure)
    second = fit_mixture([part[sure] for part in again], labels[sure]).log_probabilities(again)
    return {
        PLAIN: plain,
        "cleanlab, normalised margin": get_label_quality_scores(
            labels, probabilities[0], method="normalized_margin"
        ),
        "cleanlab, confident learning first": plain - issues,
        "cleanlab, members' agreement": get_label_quality_ensemble_scores(
            labels, probabilities[1:], verbose=False
        ),
        "margin of log-probabilities": _margin(pooled, labels),
        "neighbours' votes": votes[rows, labels],
        "cleanlab, pool with neighbours": get_label_quality_scores(labels, _shares(joint)),
        "margin, pool with neighbours": _margin(joint, labels),
        OURS: -doubt_labels(pooled, labels, votes).wrong,
        "ours, no neighbours": -doubt_labels(pooled, labels, None).wrong,
        "area under the margin": margins.mean(axis=0),
        "forgetting, then self-confidence": plain - forgotten,
        "second fit without the doubtful": second[rows, labels],
    }


def _shares(log_probabilities: np.ndarray) -> np.ndarray:
    shares = np.exp(log_probabilities.astype(np.float64))
    normalised: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return normalised


def _margin(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    others = scores.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    margin: np.ndarray = own[:, 0] - others.max(axis=1)
    return margin


def _margins_by_epoch(problem: Problem, labels: np.ndarray) -> np.ndarray:
    """Watch how a linear head learns the labels, [epochs, photos].

    Source: Pleiss, Zhang, Elenberg and Weinberger (NeurIPS 2020) for the area under the margin;
    Toneva et al. (ICLR 2019) for forgetting.
    """
    torch.manual_seed(0)
    rows, targets = SCALE * problem.directions, torch.from_numpy(labels)
    head = torch.nn.Linear(rows.shape[1], len(problem.names), bias=False)
    optimiser = torch.optim.SGD(head.parameters(), LEARNING_RATE, MOMENTUM)
    margins = []
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(labels)).split(BATCH):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(head(rows[batch]), targets[batch]).backward()
            optimiser.step()
        margins.append(_margin(head(rows).detach().numpy(), labels))
    return np.array(margins)


class _Resamples:
    """Seeds and groups of photos drawn with replacement, the same for every score.

    The first of them is the sample as it is.
    """

    def __init__(self, groups: np.ndarray, seeds: int) -> None:
        generator = np.random.default_rng(0)
        count = groups.max() + 1
        drawn = generator.multinomial(count, np.full(count, 1 / count), RESAMPLES)
        self._weights = np.concatenate([np.ones((1, count)), drawn])[:, groups]
        self._seeds = generator.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)
        self._seeds = np.concatenate([np.ones((1, seeds)), self._seeds]) / seeds

    def measure(self, quality: np.ndarray, wrong: np.ndarray) -> np.ndarray:
        """Give average precision and the share found in the top, [measures, resamples]."""
        order = np.argsort(quality, kind="stable")
        weights = self._weights[:, order]
        hits = weights * wrong[order]
        found, seen = hits.cumsum(axis=1), weights.cumsum(axis=1)
        total = found[:, -1]
        precision = (hits * found / np.maximum(seen, 1)).sum(axis=1) / total
        last = (seen <= total[:, None]).sum(axis=1) - 1
        return np.stack([precision, found[np.arange(len(found)), last] / total])

    def average(self, measured: list[np.ndarray]) -> np.ndarray:
        """Average over the seeds of each resample."""
        averages: np.ndarray = np.einsum("smr,rs->mr", np.stack(measured), self._seeds)
        return averages


def _print_table(title: str, table: dict[str, np.ndarray]) -> None:
    print(f"\n{title}\n{'':36}average precision{'':28}in the top")
    for name, found in sorted(table.items(), key=lambda item: -item[1][0, 0]):
        change = found - table[PLAIN]
        low, high = np.quantile(change[:, 1:], [0.025, 0.975], axis=1)
        columns = [
            f"{found[i, 0]:.3f} {change[i, 0]:+.4f} ({low[i]:+.4f} to {high[i]:+.4f})"
            for i in range(len(found))
        ]
        print(f"  {name:36}{'    '.join(columns)}", flush=True)


if __name__ == "__main__":
    main()
