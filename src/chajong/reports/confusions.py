"""Classes that are taken for one another: all of them as a matrix, and the pairs most often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.drawing import BLUE, chart_label, lay_out, name_axis
from chajong.reports.texts import text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language

SHOWN_PAIRS = 12
SHOWN_A_SIDE = 3
SHOWN_CLASSES = 24
"""Classes of the matrix that a chart shows: as many as can be read."""

LABEL = "label / answer"
"""Heads the column of labels; no folder can have this name."""


def confusion_table(scored: ScoredPhotos) -> pd.DataFrame:
    """Count for every class what its photos were answered with.

    Args:
        scored: The ensemble's answers.

    Returns:
        One row a class: `LABEL`, and one column a class with the number of photos answered so.
    """
    table = pd.DataFrame(_counts(scored), columns=list(scored.class_names))
    table.insert(0, LABEL, scored.class_names)
    return table


def confusion_chart(scored: ScoredPhotos, language: Language = "en") -> Figure:
    """Draw the part of the matrix that holds the most confused classes.

    Args:
        scored: The ensemble's answers.
        language: The reader's.

    Returns:
        A heat map of at most `SHOWN_CLASSES` classes, those that are confused next to one another:
        down the labels, across the answers, under the numbers that stand before the labels.
    """
    from plotly.graph_objects import Figure

    matrix = _counts(scored)
    block = _most_confused(matrix)
    counts = matrix[np.ix_(block, block)]
    names = scored.names_of(block)
    numbers = [str(number) for number in range(1, len(block) + 1)]
    figure = Figure()
    figure.add_heatmap(
        z=counts / np.maximum(matrix[block].sum(axis=1, keepdims=True), 1),
        text=np.where(counts > 0, counts.astype(str), ""),
        texttemplate="%{text}",
        customdata=[[[chart_label(a), chart_label(b)] for b in names] for a in names],
        hovertemplate=text("confusion_matrix_hover", language),
        colorscale=[[0, "white"], [1, BLUE]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=1,
    )
    name_axis(figure, [f"{number}  {name}" for number, name in zip(numbers, names, strict=True)])
    figure.update_xaxes(
        tickvals=list(range(len(block))), ticktext=numbers, side="top", showgrid=False
    )
    shown = int(counts.sum() - np.trace(counts))
    wrong = int((~scored.right).sum())
    title = text("confusion_matrix_title", language, shown=shown, all=wrong)
    return lay_out(figure, title, 110 + 32 * len(block))


def _counts(scored: ScoredPhotos) -> np.ndarray:
    """Count photos by label and answer, int64 [classes, classes]."""
    from sklearn.metrics import confusion_matrix

    every = np.arange(len(scored.class_names))
    counts: np.ndarray = confusion_matrix(scored.labels, scored.guesses, labels=every)
    return counts


def _most_confused(matrix: np.ndarray) -> np.ndarray:
    """Choose the classes of the pairs with the most wrong answers, int64 [chosen].

    They are in the order of a dendrogram, so that classes taken for one another are neighbours.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    both_ways = np.triu(matrix + matrix.T, 1)
    pairs = np.stack(np.nonzero(both_ways), axis=1)
    most_first = np.argsort(-both_ways[both_ways > 0], kind="stable")
    chosen = pd.unique(pairs[most_first].ravel())[:SHOWN_CLASSES]
    if not len(chosen):
        return chosen
    near = (both_ways + both_ways.T)[np.ix_(chosen, chosen)]
    tree = linkage(squareform(near.max() - near, checks=False), "average", optimal_ordering=True)
    order: np.ndarray = chosen[leaves_list(tree)]
    return order


def confused_pairs(scored: ScoredPhotos, limit: int = SHOWN_PAIRS) -> pd.DataFrame:
    """List the pairs of classes with the most photos answered with the other's name.

    Args:
        scored: The ensemble's answers.
        limit: How many pairs.

    Returns:
        One row a pair, most photos first, then most probability: `given` (the class more often
        taken for the other) and `predicted`; `photos` (of `given`, answered as `predicted`) and
        `photos_back`; `mass` (mean probability that photos of `given` put on `predicted`) and
        `mass_back`; `given_photos` and `predicted_photos`, how many there are.
    """
    count = len(scored.class_names)
    confused, mass = _counts(scored), mean_probabilities(scored)
    first, second = np.nonzero(np.triu(confused + confused.T, 1))
    swapped = confused[second, first] > confused[first, second]
    given, predicted = np.where(swapped, second, first), np.where(swapped, first, second)
    photos = np.bincount(scored.labels, minlength=count)
    table = pd.DataFrame(
        {
            "given": scored.names_of(given),
            "predicted": scored.names_of(predicted),
            "photos": confused[given, predicted],
            "photos_back": confused[predicted, given],
            "mass": mass[given, predicted],
            "mass_back": mass[predicted, given],
            "given_photos": photos[given],
            "predicted_photos": photos[predicted],
        }
    )
    both_ways = table["photos"] + table["photos_back"], table["mass"] + table["mass_back"]
    order = np.lexsort((-both_ways[1], -both_ways[0]))
    return table.iloc[order[:limit]].reset_index(drop=True)


def mean_probabilities(scored: ScoredPhotos) -> np.ndarray:
    """Average the probabilities of each class's photos.

    Returns:
        float64 [classes, classes]: row c is the mean of the photos of class c, zero without any.
    """
    from scipy.sparse import csr_array

    photos = np.bincount(scored.labels, minlength=len(scored.class_names))
    places = scored.labels, np.arange(len(scored))
    shape = len(photos), len(scored)
    average = csr_array((1 / photos[scored.labels], places), shape=shape)
    means: np.ndarray = average @ np.exp(scored.log_probabilities)
    return means


def pair_examples(
    scored: ScoredPhotos, pairs: pd.DataFrame, limit: int = SHOWN_A_SIDE
) -> pd.DataFrame:
    """Choose for both sides of each pair the photos that look most like the other side.

    Args:
        scored: The ensemble's answers.
        pairs: From `confused_pairs`.
        limit: How many photos a side.

    Returns:
        One row a photo: `pair` (position in `pairs`), `label`, `photo_id`, `sha256`, and
        `probability` of the pair's other class.
    """
    numbers = {name: number for number, name in enumerate(scored.class_names)}
    sides = [
        (pair, label, other)
        for pair, names in enumerate(zip(pairs["given"], pairs["predicted"], strict=True))
        for label, other in (names, names[::-1])
    ]
    tables = []
    for pair, label, other in sides:
        photos = np.flatnonzero(scored.labels == numbers[label])
        probability = np.exp(scored.log_probabilities[photos, numbers[other]])
        nearest = np.argsort(-probability, kind="stable")[:limit]
        chosen = {
            "pair": pair,
            "label": label,
            "photo_id": scored.photo_ids[photos[nearest]],
            "sha256": scored.sha256s[photos[nearest]],
            "probability": probability[nearest],
        }
        tables.append(pd.DataFrame(chosen))
    columns = ["pair", "label", "photo_id", "sha256", "probability"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
