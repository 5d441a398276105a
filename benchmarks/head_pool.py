"""One light head against the pool of the best of each kind, out of fold, with paired intervals.

    python -m benchmarks.head_pool --run data hog --run data clip_frozen --run CARS98_RUN lite0

A run's features, folds and names are taken as they are; several members of a run are joined as the
kind `concat` joins them. Every row is a way to make the member:

- `one`: prototypes and names after whitening with shrinkage 0.3, what was chosen before heads were
  pooled;
- each kind alone, at its best setting;
- the pool without each kind, and the pool of all, which a run makes;
- of wide features, the pool of all along every direction, not the leading ones alone.

Settings and weights of a fold are always those that are best on the other folds. Differences are
to `one`, with 95 % intervals over groups.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from chajong.encoders.concatenation import join_matrices
from chajong.encoders.features import features_from_table
from chajong.members.heads import whitening
from chajong.members.heads.parameters import HeadName, HeadsParameters
from chajong.members.heads.search import Candidate, fit_candidates, pool_candidates
from chajong.names.embedding import embed_names
from chajong.predictions.contract import effective_class_names
from chajong.predictions.intervals import mean_interval
from chajong.predictions.scoring import train_labels
from chajong.tables import read_table

ONE = HeadsParameters(kinds=("name_aware",), whitening_shrinkage=0.3)
ALL = HeadsParameters()


@dataclass(frozen=True, eq=False)
class Problem:
    """Train photos of the folds.

    Attributes:
        features: float32 [photos, width].
        labels: int64 [photos].
        folds: int [photos].
        counts: bool [photos], whether the label counts.
        groups: int [photos].
        names: float32 [classes, name dimensions].
    """

    features: torch.Tensor
    labels: torch.Tensor
    folds: np.ndarray
    counts: np.ndarray
    groups: np.ndarray
    names: torch.Tensor


def main() -> None:
    """Print one table a member."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--run",
        nargs="+",
        action="append",
        required=True,
        metavar="PART",
        help="a run's data folder and a member, or several to be joined",
    )
    for folder, *members in parser.parse_args().run:
        _print_table(f"{', '.join(members)} of {folder}", _problem(Path(folder), members))


def _print_table(title: str, problem: Problem) -> None:
    one, seconds_of_one = _timed(problem, ONE)
    candidates, seconds = _timed(problem, ALL)
    kinds = get_args(HeadName)
    ways = {
        "one": one,
        **{f"{kind} alone": _of(candidates, (kind,)) for kind in kinds},
        **{f"pool without {kind}": _of(candidates, set(kinds) - {kind}) for kind in kinds},
        "pool": candidates,
    }
    print(f"\n{title}: {problem.counts.sum():,} photos x {problem.features.shape[1]:,} features")
    print(f"  processor seconds: one {seconds_of_one:.1f}, all kinds {seconds:.1f}")
    if whitening.is_wide(*problem.features.shape):
        with patch.object(whitening, "WIDE", math.inf):
            ways["pool along every direction"], seconds = _timed(problem, ALL)
        print(f"  processor seconds along every direction: {seconds:.1f}")
    losses = {name: _losses(problem, way) for name, way in ways.items()}
    groups = problem.groups[problem.counts]
    for name, values in losses.items():
        change = values - losses["one"]
        low, high = mean_interval(change, groups)
        print(
            f"  {name:34} {values.mean():.4f}  {change.mean():+.4f} ({low:+.4f} to {high:+.4f})",
            flush=True,
        )


def _timed(problem: Problem, parameters: HeadsParameters) -> tuple[dict[str, Candidate], float]:
    """Fit heads, and say how many seconds of the processor that took."""
    started = time.process_time()
    return _fit(problem, parameters), time.process_time() - started


def _of(candidates: dict[str, Candidate], kinds: Collection[str]) -> dict[str, Candidate]:
    return {name: each for name, each in candidates.items() if each.kind in kinds}


def _fit(problem: Problem, parameters: HeadsParameters) -> dict[str, Candidate]:
    return fit_candidates(
        problem.features,
        problem.labels,
        problem.folds,
        problem.counts,
        len(problem.names),
        problem.names,
        parameters,
        torch.device("cpu"),
    )


def _losses(problem: Problem, candidates: dict[str, Candidate]) -> np.ndarray:
    found = pool_candidates(candidates, problem.labels.numpy(), problem.folds, problem.counts, ALL)
    rows = np.flatnonzero(problem.counts)
    losses: np.ndarray = -found.out_of_fold[rows, problem.labels.numpy()[rows]].astype(np.float64)
    return losses


def _problem(data: Path, members: list[str]) -> Problem:
    photos, classes, folds = (
        pd.read_parquet(data / "03_primary" / f"{name}.parquet")
        for name in ("photos", "classes", "folds")
    )
    folds = folds.query("fold >= 0")
    matrices = [
        features_from_table(read_table(data / "04_feature" / member / "features.arrow")).rows(
            folds["photo_id"]
        )
        for member in members
    ]
    labels = train_labels(photos, classes).loc[folds["photo_id"]]
    names = embed_names(effective_class_names(classes), ALL.name_model)
    return Problem(
        features=torch.from_numpy(matrices[0] if len(members) == 1 else join_matrices(matrices)),
        labels=torch.from_numpy(labels.to_numpy().astype(np.int64)),
        folds=folds["fold"].to_numpy(),
        counts=folds["label_counts"].to_numpy(),
        groups=folds["group"].to_numpy(),
        names=torch.from_numpy(names),
    )


if __name__ == "__main__":
    main()
