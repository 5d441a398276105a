"""The whole search of logistic regression, five folds by nine C, against scikit-learn's.

    python -m benchmarks.heads                                        # 33,000 x 1,280, 396 classes
    python -m benchmarks.heads --photos 4000 --width 256 --classes 60 # a quick look

Our side is timed whole. scikit-learn's LogisticRegression solves the same objective on the same
features; it is timed on a stated part (one fold, the smallest, middle and largest C) and scaled up
to the whole. Both log losses of the held-out fold stand side by side for those C.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from chajong.members.heads.logistic_regression import fit_logistic_regression
from chajong.members.heads.parameters import HeadsParameters
from chajong.members.heads.search import TOLERANCE
from chajong.predictions.metric import log_loss

FOLDS = 5
WITHIN_CLASS_NOISE = 1.0


def main() -> None:
    """Time both sides and print the table."""
    arguments = _arguments()
    features, labels, folds = _photos(arguments)
    grid = sorted(HeadsParameters().inverse_regularisation)
    part = [grid[0], grid[len(grid) // 2], grid[-1]]
    ours_seconds, ours_losses = _ours(features, labels, folds, grid, arguments.classes)
    theirs = [_scikit_learn(features, labels, folds, strength) for strength in part]
    theirs_seconds = sum(seconds for seconds, _, _ in theirs) / len(part) * FOLDS * len(grid)
    print(
        f"\n{arguments.photos:,} photos x {arguments.width:,} features, {arguments.classes} "
        f"classes, {torch.get_num_threads()} threads"
    )
    print("  held-out log loss of fold 0      C      ours   scikit-learn   (seconds, iterations)")
    for strength, (seconds, loss, iterations) in zip(part, theirs, strict=True):
        print(
            f"  {strength:34g}  {ours_losses[strength]:8.4f}   {loss:12.4f}   "
            f"({seconds:.1f} s, {iterations})"
        )
    print(f"  whole search, {FOLDS} folds x {len(grid)} C: ours {ours_seconds:.1f} s (measured)")
    print(f"  scikit-learn {theirs_seconds:.0f} s (from {len(part)} of {FOLDS * len(grid)} fits)")
    print(f"  scikit-learn / ours: {theirs_seconds / ours_seconds:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=33_000)
    parser.add_argument("--width", type=int, default=1_280)
    parser.add_argument("--classes", type=int, default=396)
    parser.add_argument("--separation", type=float, default=0.3, help="spread of class means")
    return parser.parse_args()


def _photos(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features like a frozen encoder's: a falling spectrum, classes that overlap."""
    generator = np.random.default_rng(0)
    count, width, classes = arguments.photos, arguments.width, arguments.classes
    labels = np.arange(count) % classes
    spectrum = (1 + np.arange(width, dtype=np.float32)) ** -0.5
    means = generator.standard_normal((classes, width), np.float32) * spectrum
    noise = generator.standard_normal((count, width), np.float32) * spectrum
    mixing = np.linalg.qr(generator.standard_normal((width, width), np.float32))[0]
    features = (arguments.separation * means[labels] + WITHIN_CLASS_NOISE * noise) @ mixing + 0.5
    features = np.sign(features) * np.sqrt(np.abs(features))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, labels, generator.permutation(count) % FOLDS


def _ours(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, grid: list[float], classes: int
) -> tuple[float, dict[float, float]]:
    rows, targets = torch.from_numpy(features), torch.from_numpy(labels)
    losses = {}
    started = time.perf_counter()
    for fold in range(FOLDS):
        train, held_out = torch.from_numpy(folds != fold), torch.from_numpy(folds == fold)
        heads = fit_logistic_regression(rows[train], targets[train], classes, grid, TOLERANCE)
        scores = [head.scores(rows[held_out]).numpy() for head in heads]
        if fold == 0:
            losses = {
                strength: log_loss(log_softmax(scored, axis=1), labels[folds == 0])
                for strength, scored in zip(grid, scores, strict=True)
            }
    return time.perf_counter() - started, losses


def _scikit_learn(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, strength: float
) -> tuple[float, float, int]:
    train = folds != 0
    centred = features - features[train].mean(0)
    centred /= np.sqrt((centred[train] ** 2).sum(1).mean())
    started = time.perf_counter()
    model = LogisticRegression(C=strength, max_iter=5_000).fit(centred[train], labels[train])
    seconds = time.perf_counter() - started
    scores = model.predict_log_proba(centred[~train])
    return seconds, log_loss(scores, labels[~train]), int(model.n_iter_[0])


if __name__ == "__main__":
    main()
