"""How much each train photo looks like a test photo.

What is fitted on train photos fits the test photos better if each train photo counts by the density
ratio p(test | photo) / p(train | photo) (Shimodaira, Improving predictive inference under covariate
shift, 2000; Sugiyama, Krauledat and Müller, Covariate shift adaptation by importance weighted cross
validation, 2007). The ratio is the odds of a probabilistic classifier that tells the two apart
(Bickel, Brückner and Scheffer, Discriminative learning under covariate shift, 2009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.photos.shift import FEWEST_PHOTOS, photo_statistics
from chajong.photos.table import readable_photos

if TYPE_CHECKING:
    from sklearn.model_selection import GridSearchCV

SMALLEST_RATIO = 0.1
LARGEST_RATIO = 10.0
FEWEST_EFFECTIVE = 0.3
"""Share of the photos that the weighted photos must be worth."""

_STRENGTHS = np.logspace(-4, 1, 6)
_CEILINGS = np.geomspace(LARGEST_RATIO, SMALLEST_RATIO, 200)


def likeness_to_test(photos: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.Series[float]:
    """Weigh train photos so that they look like the test photos.

    A logistic regression with quadratic terms, its regularisation chosen by cross-validation,
    tells train from test photos by the statistics of the audit. A fold's photos (the calibration
    slice is one more fold) are weighed by a classifier that saw neither them nor any photo of
    their groups. Ratios are bounded, see `bounded_ratios`.

    Args:
        photos: The `photos` table.
        folds: The `folds` table, with photo_id and fold; no group is in two folds.
        seed: Of the cross-validation that chooses the regularisation.

    Returns:
        The weight of every readable train photo by `photo_id`, of mean 1; all 1 where a side has
        fewer than `FEWEST_PHOTOS` readable photos.
    """
    train, test = (readable_photos(photos, split) for split in ("train", "test"))
    ratios = np.ones(len(train))
    if min(len(train), len(test)) >= FEWEST_PHOTOS:
        of_train, of_test = (photo_statistics(side).to_numpy(float) for side in (train, test))
        parts = folds.set_index("photo_id")["fold"].loc[train["photo_id"]].to_numpy()
        for part in np.unique(parts):
            weighed = parts == part
            others = of_train[~weighed]
            classifier = _classifier(others, of_test, seed)
            log_odds = classifier.decision_function(of_train[weighed])
            # A classifier's odds also say how many photos each side has.
            log_ratios = log_odds + np.log(len(others) / len(of_test))
            ratios[weighed] = np.exp(log_ratios.clip(max=np.log(LARGEST_RATIO)))
    index = pd.Index(train["photo_id"], name="photo_id")
    return pd.Series(bounded_ratios(ratios), index, name="likeness")


def bounded_ratios(ratios: np.ndarray) -> np.ndarray:
    """Bound density ratios, so that few photos do not decide everything.

    Ratios are raised to `SMALLEST_RATIO` and lowered to the highest ceiling, at most
    `LARGEST_RATIO`, under which the effective sample size is `FEWEST_EFFECTIVE` of the photos.

    Args:
        ratios: Not negative, of shape [photos].

    Returns:
        Weights of mean 1, of shape [photos].
    """
    bounded = (ratios.clip(SMALLEST_RATIO, ceiling) for ceiling in _CEILINGS)
    fewest = FEWEST_EFFECTIVE * len(ratios)
    chosen = next(each for each in bounded if effective_sample_size(each) >= fewest)
    weights: np.ndarray = chosen / chosen.mean()
    return weights


def effective_sample_size(weights: np.ndarray) -> float:
    """Say how many photos of equal weight weighted photos are worth (Kish, 1965).

    Args:
        weights: Not negative, of shape [photos].
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def _classifier(train: np.ndarray, test: np.ndarray, seed: int) -> GridSearchCV:
    """Fit a classifier whose decision is the log-odds of test against train."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from threadpoolctl import threadpool_limits

    search = GridSearchCV(
        make_pipeline(
            StandardScaler(),
            PolynomialFeatures(2, include_bias=False),
            LogisticRegression(max_iter=1000),
        ),
        {"logisticregression__C": _STRENGTHS},
        scoring="neg_log_loss",
        cv=StratifiedKFold(5, shuffle=True, random_state=seed),
    )
    photos, sides = np.vstack([train, test]), np.repeat([0, 1], [len(train), len(test)])
    # The matrices are small: threads would wait for one another longer than they compute.
    with threadpool_limits(1):
        return search.fit(photos, sides)
