"""How much the test photos differ from the train photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from chajong.photos.table import readable_photos

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

FEWEST_PHOTOS = 20
MOST_PHOTOS = 5000

STATISTICS = {
    "brightness": "Brightness (mean grey value)",
    "contrast": "Contrast (standard deviation of grey)",
    "saturation": "Saturation (0 to 1)",
    "log_size": "Size (log10 of pixels)",
    "log_bytes": "File size (log10 of bytes)",
}
"""What is compared, and how a chart calls it."""

_COLOURS = {"train": "#4c78a8", "test": "#e4572e"}
_FILLS = {"train": "rgba(76, 120, 168, 0.15)", "test": "rgba(228, 87, 46, 0.15)"}
_BINS = 40


class StatisticShift(TypedDict):
    """One statistic on both sides."""

    train_mean: float
    test_mean: float
    train_median: float
    test_median: float


class ShiftReport(TypedDict):
    """How train and test photos differ.

    Attributes:
        auc: Area under the ROC curve of a classifier that tells test from train photos by the
            statistics alone, cross-validated: 0.5 means that it cannot.
        train_photos: Readable train photos.
        test_photos: Readable test photos.
        statistics: Means and medians by the keys of `STATISTICS`.
    """

    auc: float
    train_photos: int
    test_photos: int
    statistics: dict[str, StatisticShift]


def measure_shift(photos: pd.DataFrame, seed: int) -> ShiftReport | None:
    """Compare brightness, contrast, saturation and size of train and test photos.

    Args:
        photos: The `photos` table.
        seed: Of the photos drawn for the classifier, at most `MOST_PHOTOS` a side.

    Returns:
        The report, or None with fewer than `FEWEST_PHOTOS` readable photos on a side.
    """
    train, test = (photo_statistics(readable_photos(photos, split)) for split in ("train", "test"))
    if min(len(train), len(test)) < FEWEST_PHOTOS:
        return None
    return ShiftReport(
        auc=_separability(train, test, seed),
        train_photos=len(train),
        test_photos=len(test),
        statistics={
            name: StatisticShift(
                train_mean=float(train[name].mean()),
                test_mean=float(test[name].mean()),
                train_median=float(train[name].median()),
                test_median=float(test[name].median()),
            )
            for name in STATISTICS
        },
    )


def plot_shift(photos: pd.DataFrame) -> Figure:
    """Draw the distribution of each statistic for the train and the test photos.

    Args:
        photos: The `photos` table; a split without readable photos is not drawn.

    Returns:
        A Plotly figure, one panel a statistic.
    """
    from plotly.subplots import make_subplots

    sides = {split: photo_statistics(readable_photos(photos, split)) for split in ("train", "test")}
    drawn = {split: values for split, values in sides.items() if len(values)}
    figure = make_subplots(rows=2, cols=3, subplot_titles=list(STATISTICS.values()))
    for position, name in enumerate(STATISTICS):
        both = np.concatenate([values[name] for values in sides.values()])
        edges = np.histogram_bin_edges(both, _BINS)
        for split, values in drawn.items():
            counts, _ = np.histogram(values[name], edges)
            figure.add_scatter(
                x=(edges[1:] + edges[:-1]) / 2,
                y=counts / len(values),
                name=split,
                legendgroup=split,
                showlegend=position == 0,
                line={"shape": "hvh", "color": _COLOURS[split], "width": 2},
                fill="tozeroy",
                fillcolor=_FILLS[split],
                mode="lines",
                row=position // 3 + 1,
                col=position % 3 + 1,
            )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure.update_layout(
        title="Train and test photos: share of photos by statistic",
        template="plotly_white",
        height=620,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.06, "xanchor": "right", "x": 1},
    )


def photo_statistics(photos: pd.DataFrame) -> pd.DataFrame:
    """Give what is compared.

    Args:
        photos: Readable photos of the `photos` table.

    Returns:
        One row a photo, in their order, with the columns of `STATISTICS`.
    """
    numbers = photos[["brightness", "contrast", "saturation"]]
    pixels = photos["width"].astype(float) * photos["height"].astype(float)
    return numbers.assign(
        log_size=np.log10(pixels), log_bytes=np.log10(photos["bytes"].astype(float))
    )


def _separability(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> float:
    """Cross-validate a classifier that tells test from train photos, and give its AUC."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    sides = [side.sample(min(len(side), MOST_PHOTOS), random_state=seed) for side in (train, test)]
    values = np.concatenate(sides)
    is_test = np.repeat([0, 1], [len(side) for side in sides])
    classifier = ExtraTreesClassifier(100, min_samples_leaf=10, random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    scores = cross_val_predict(classifier, values, is_test, cv=folds, method="predict_proba")
    return float(roc_auc_score(is_test, scores[:, 1]))
