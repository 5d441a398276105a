"""The whole path of logistic regression, five folds by five pulls, against scikit-learn's.

    python -m benchmarks.heads                                        # 33,000 x 1,280, 396 classes
    python -m benchmarks.heads --photos 4000 --width 256 --classes 60 # a quick look

Our side is timed whole. Pulled towards zero it solves the same objective as scikit-learn's
LogisticRegression, which is timed on the same features for a stated part (one fold, the strongest,
middle and weakest pull) and scaled up to the whole. Both log losses of the held-out fold stand side
by side for those pulls.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from chajong.members.heads.logistic_regression import logistic_path
from chajong.members.heads.parameters import HeadsParameters
from chajong.predictions.metric import log_loss

FOLDS = 5
WITHIN_CLASS_NOISE, SEPARATION = 1.0, 0.3


def main() -> None:
    """Time both sides and print the table."""
    arguments = _arguments()
    features, labels = draw(
        arguments.photos, arguments.width, arguments.classes, arguments.separation
    )
    folds = np.random.default_rng(1).permutation(len(labels)) % FOLDS
    grid = sorted(HeadsParameters().pulls, reverse=True)
    part = [grid[0], grid[len(grid) // 2], grid[-1]]
    ours_seconds, ours_losses = _ours(features, labels, folds, grid, arguments.classes)
    theirs = [_scikit_learn(features, labels, folds, pull) for pull in part]
    theirs_seconds = sum(seconds for seconds, _, _ in theirs) / len(part) * FOLDS * len(grid)
    print(
        f"\n{arguments.photos:,} photos x {arguments.width:,} features, {arguments.classes} "
        f"classes, {torch.get_num_threads()} threads"
    )
    print("  held-out log loss of fold 0   pull      ours   scikit-learn   (seconds, iterations)")
    for pull, (seconds, loss, iterations) in zip(part, theirs, strict=True):
        print(
            f"  {pull:34g}  {ours_losses[pull]:8.4f}   {loss:12.4f}   "
            f"({seconds:.1f} s, {iterations})"
        )
    print(
        f"  whole search, {FOLDS} folds x {len(grid)} pulls: ours {ours_seconds:.1f} s (measured)"
    )
    print(f"  scikit-learn {theirs_seconds:.0f} s (from {len(part)} of {FOLDS * len(grid)} fits)")
    print(f"  scikit-learn / ours: {theirs_seconds / ours_seconds:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=33_000)
    parser.add_argument("--width", type=int, default=1_280)
    parser.add_argument("--classes", type=int, default=396)
    parser.add_argument(
        "--separation", type=float, default=SEPARATION, help="spread of class means"
    )
    return parser.parse_args()


def draw(
    photos: int, width: int, classes: int, separation: float = SEPARATION
) -> tuple[np.ndarray, np.ndarray]:
    """Draw features like a frozen encoder's: a falling spectrum, classes that overlap.

    Args:
        photos: How many.
        width: Of their features.
        classes: How many, all of the same size.
        separation: Spread of class means.

    Returns:
        float32 features [photos, width], rows of length 1, and int64 labels [photos].
    """
    generator = np.random.default_rng(0)
    labels = np.arange(photos) % classes
    spectrum = (1 + np.arange(width, dtype=np.float32)) ** -0.5
    means = generator.standard_normal((classes, width), np.float32) * spectrum
    noise = generator.standard_normal((photos, width), np.float32) * spectrum
    mixing = np.linalg.qr(generator.standard_normal((width, width), np.float32))[0]
    features = (separation * means[labels] + WITHIN_CLASS_NOISE * noise) @ mixing + 0.5
    features = np.sign(features) * np.sqrt(np.abs(features))
    features -= features.mean(0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, labels


def _ours(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, grid: list[float], classes: int
) -> tuple[float, dict[float, float]]:
    rows, targets = torch.from_numpy(features), torch.from_numpy(labels)
    losses = {}
    started = time.perf_counter()
    for fold in range(FOLDS):
        train, held_out = torch.from_numpy(folds != fold), torch.from_numpy(folds == fold)
        start = torch.zeros(classes, rows.shape[1])
        path = logistic_path(rows[train], targets[train], start, grid)
        scores = [(rows[held_out] @ weights.T).numpy() for weights in path]
        if fold == 0:
            losses = {
                pull: log_loss(log_softmax(scored, axis=1), labels[folds == 0])
                for pull, scored in zip(grid, scores, strict=True)
            }
    return time.perf_counter() - started, losses


def _scikit_learn(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, pull: float
) -> tuple[float, float, int]:
    train = folds != 0
    started = time.perf_counter()
    model = LogisticRegression(C=1 / (pull * train.sum()), fit_intercept=False, max_iter=5_000)
    model.fit(features[train], labels[train])
    seconds = time.perf_counter() - started
    scores = model.predict_log_proba(features[~train])
    return seconds, log_loss(scores, labels[~train]), int(model.n_iter_[0])


if __name__ == "__main__":
    main()
