"""How fast members are pooled, and how near the choice of a pool comes to the best candidate.

    python -m benchmarks.pooling --size full    # 33,000 photos x 391 classes x 12 members
    python -m benchmarks.pooling --size quick   # 4,000 photos
    python -m benchmarks.pooling --size truth   # known truth: test log loss of every candidate

Speed: the cross-fitted choice, the overall pool and every member's contribution are timed whole,
beside SciPy's L-BFGS-B on the largest of the log-linear fits. Truth: members with shared and own
errors, under- and over-confident, are drawn; candidates are fitted on some photos and scored on
20,000 fresh ones. Different candidates are the best ones: linear pools where every member is
surely wrong on photos of its own, equal weights where there are few photos.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from chajong.ensembling.pools.choice import CANDIDATES, PoolingProblem, choose_pool, cross_fit_pool
from chajong.ensembling.pools.contributions import member_contributions
from chajong.ensembling.pools.pool import Pool
from chajong.ensembling.pools.weights import log_linear_weights

SIZES = {"full": (33_000, 391, 12), "quick": (4_000, 391, 12)}
FRESH = 20_000


@dataclass(frozen=True)
class Truth:
    """Members that are drawn.

    Attributes:
        photos: How many are fitted on.
        shared: Scale of the error that members share; that of their own is 1.
        lost: Share of photos on which a member sees another photo.
        sharpness: What members' scores are multiplied by.
    """

    photos: int
    shared: float
    lost: float
    sharpness: tuple[float, ...]


SHARPNESS = (0.4, 0.7, 1.0, 1.6, 2.5)
DIFFERENT = Truth(8_000, 0.4, 0.0, SHARPNESS)
TRUTHS = {
    "different members": DIFFERENT,
    "alike members": Truth(8_000, 1.2, 0.0, SHARPNESS),
    "members lost at times": Truth(8_000, 0.4, 0.4, (4.0,)),
    "few photos, equal members": Truth(300, 1.2, 0.0, (1.6,)),
}
FOLDS = 5
AT_ONCE = 512


def main() -> None:
    """Run one size and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", choices=[*SIZES, "truth"], default="quick")
    size = parser.parse_args().size
    if size == "truth":
        for name, truth in TRUTHS.items():
            _compare_with_truth(name, truth)
    else:
        _time(*SIZES[size])


def _time(photos: int, classes: int, count: int) -> None:
    members, labels = draw(Truth(photos, 0.7, 0.0, SHARPNESS), photos, classes, count)
    problem = _problem(members, labels)
    print(f"{photos:,} photos x {classes} classes x {count} members, {FOLDS} folds")
    started = time.perf_counter()
    fitted = cross_fit_pool(problem)
    chosen = time.perf_counter()
    table = member_contributions(problem, fitted, [f"member {place}" for place in range(count)])
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  choice, cross-fitted and overall   {chosen - started:6.1f} s")
    print(f"  contributions                      {ended - chosen:6.1f} s")
    print(f"  both                               {ended - started:6.1f} s, peak {peak:.2f} GiB")
    print(f"  losses: { {name: round(loss, 4) for name, loss in fitted.overall.losses.items()} }")
    print(table.round(4).to_string(index=False))
    _against_scipy(members, labels)


def _against_scipy(members: list[np.ndarray], labels: np.ndarray) -> None:
    rows = np.arange(len(labels))
    started = time.perf_counter()
    ours = log_linear_weights(members, rows, labels, np.ones(len(labels)))
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    found = fitted_by_scipy(members, labels)
    theirs = time.perf_counter() - started
    losses = [loss_and_slopes(weights, members, labels)[0] for weights in (ours, found)]
    print(f"  one log-linear fit: ours {seconds:.1f} s to {losses[0]:.6f}")
    print(f"  SciPy's L-BFGS-B {theirs:.1f} s to {losses[1]:.6f}, {theirs / seconds:.1f} x as long")


def fitted_by_scipy(members: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Fit the same weights by L-BFGS-B, [members]."""
    found = minimize(
        loss_and_slopes,
        np.full(len(members), 1 / len(members)),
        (members, labels),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * len(members),
    )
    weights: np.ndarray = found.x
    return weights


def loss_and_slopes(
    weights: np.ndarray, members: list[np.ndarray], labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """Give the log loss of pooled members, and its slope along each weight."""
    loss, slopes = 0.0, np.zeros(len(weights))
    for start in range(0, len(labels), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        photos = np.arange(len(labels[part]))
        mixed = sum(
            np.float32(weight) * member[part]
            for weight, member in zip(weights, members, strict=True)
        )
        mixed -= mixed.max(axis=1, keepdims=True)
        pooled = np.exp(mixed)
        totals = pooled.sum(axis=1, keepdims=True)
        loss += float((np.log(totals[:, 0]) - mixed[photos, labels[part]]).sum())
        pooled /= totals
        pooled[photos, labels[part]] -= 1
        slopes += [float(np.vdot(pooled, member[part])) for member in members]
    return loss / len(labels), slopes / len(labels)


def _compare_with_truth(name: str, truth: Truth) -> None:
    photos, classes, count = truth.photos + FRESH, 391, 6
    members, labels = draw(truth, photos, classes, count)
    train, test = np.arange(truth.photos), np.arange(truth.photos, photos)
    problem = _problem([member[train] for member in members], labels[train])
    every = np.ones(truth.photos, bool)
    chosen = choose_pool(problem, every)

    def test_loss(pool: Pool) -> float:
        scored = pool.log_probabilities(members, test)
        return float(-scored[np.arange(len(test)), labels[test]].mean(dtype=np.float64))

    print(f"{name}: {count} members, {classes} classes, fitted on {truth.photos:,} photos")
    alone = [-member[test, labels[test]].mean() for member in members]
    print(f"  best member        test {min(alone):.4f}")
    losses = {title: test_loss(problem.fit(each, every)) for title, each in CANDIDATES.items()}
    for title, loss in losses.items():
        print(f"  {title:17} cross-fitted {chosen.losses[title]:.4f}  test {loss:.4f}")
    ratio = test_loss(chosen.pool) / min(losses.values())
    print(f"  chosen: {chosen.pool.method}, {ratio:.4f} x the best candidate's test log loss")


def _problem(members: list[np.ndarray], labels: np.ndarray) -> PoolingProblem:
    count = len(labels)
    groups = np.arange(count) // 2
    return PoolingProblem(
        members=members,
        labels=labels,
        counts=np.ones(count, bool),
        groups=groups,
        parts=groups % FOLDS,
        photo_weights=np.ones(count),
    )


def draw(
    truth: Truth, photos: int, classes: int, count: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw members whose scores are the label's, a shared error and an error of their own."""
    generator = np.random.default_rng(0)
    labels = generator.integers(classes, size=photos)
    error = np.float32(truth.shared) * generator.standard_normal((photos, classes), np.float32)
    members = []
    for place in range(count):
        scores = error + generator.standard_normal((photos, classes), np.float32)
        lost = generator.random(photos) < truth.lost
        seen = np.where(lost, generator.integers(classes, size=photos), labels)
        scores[np.arange(photos), seen] += 3 + 0.3 * (place % 4) * (len(truth.sharpness) > 1)
        scores *= np.float32(truth.sharpness[place % len(truth.sharpness)])
        scores -= scores.max(axis=1, keepdims=True)
        for start in range(0, photos, AT_ONCE):
            part = scores[start : start + AT_ONCE]
            part -= np.log(np.exp(part).sum(axis=1, keepdims=True))
        members.append(scores)
    return members, labels


if __name__ == "__main__":
    main()
