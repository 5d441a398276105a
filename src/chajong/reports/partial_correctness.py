"""How wrong the wrong answers are, by the parts of the names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.reports.drawing import BLUE, GREY, ORANGE, PALE_BLUE, RED, lay_out, name_axis
from chajong.reports.texts import text, worded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language

RIGHT = "right"
SAME_PARTS = "model line right, told apart by no part of the names"
OUTCOMES = {
    RIGHT: BLUE,
    "model line right, years wrong": PALE_BLUE,
    "model line right, powertrain wrong": PALE_BLUE,
    "model line right, facelift wrong": PALE_BLUE,
    "model line right, generation wrong": PALE_BLUE,
    SAME_PARTS: PALE_BLUE,
    "maker right, model line wrong": ORANGE,
    "maker wrong": RED,
    "model line wrong, maker unknown": GREY,
}
"""What an answer can be, from harmless to grave, and its colour."""

PARTS = ("maker", "base", "generation", "facelift", "powertrain", "first_year", "last_year")


def partial_correctness(scored: ScoredPhotos, classes: pd.DataFrame) -> pd.DataFrame:
    """Count answers by the first part of the name that is wrong.

    Parts are compared in the order maker, model line, generation, facelift, powertrain, years; a
    later generation has other years too, so only the first difference counts. A part that only
    one of two names states is a difference, except the maker.

    Args:
        scored: The ensemble's answers.
        classes: The `classes` table.

    Returns:
        One row an outcome of `OUTCOMES` that occurs, in their order: `outcome`, `photos`, `share`
        (of all photos), `share_of_wrong` (NaN for right answers) and `loss_share`.
    """
    parts = _parts(classes, scored.class_names)
    outcomes = np.where(
        scored.right, RIGHT, first_difference(parts[scored.labels], parts[scored.guesses])
    )
    per_photo = pd.DataFrame({"outcome": outcomes, "loss": scored.losses})
    grouped = per_photo.groupby("outcome")["loss"].agg(["size", "sum"])
    grouped = grouped.loc[[outcome for outcome in OUTCOMES if outcome in grouped.index]]
    wrong = grouped["size"].where(grouped.index != RIGHT)
    return pd.DataFrame(
        {
            "outcome": grouped.index,
            "photos": grouped["size"].to_numpy(),
            "share": (grouped["size"] / len(scored)).to_numpy(),
            "share_of_wrong": (wrong / wrong.sum()).to_numpy(),
            "loss_share": (grouped["sum"] / scored.losses.sum()).to_numpy(),
        }
    )


def _parts(classes: pd.DataFrame, class_names: Sequence[str]) -> np.ndarray:
    """Give the parts of the effective classes' names as texts, [classes, parts], "" for none."""
    first = classes.drop_duplicates("effective_class").set_index("effective_class")
    parts = first.loc[list(class_names), list(PARTS)].astype(object)
    texts: np.ndarray = parts.where(parts.notna(), "").astype(str).to_numpy(dtype=object)
    return texts


def first_difference(given: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Say in which part names first differ.

    Args:
        given: Texts [photos, parts] in the order of `PARTS`, "" where a name does not say.
        answered: The same of the answers.

    Returns:
        Outcomes [photos].
    """
    maker, base, generation, facelift, powertrain, first_year, last_year = (given != answered).T
    makers_known = ((given[:, 0] != "") & (answered[:, 0] != "")).astype(bool)
    return np.select(
        [
            makers_known & maker,
            makers_known & base,
            base,
            generation,
            facelift,
            powertrain,
            first_year | last_year,
        ],
        [
            "maker wrong",
            "maker right, model line wrong",
            "model line wrong, maker unknown",
            "model line right, generation wrong",
            "model line right, facelift wrong",
            "model line right, powertrain wrong",
            "model line right, years wrong",
        ],
        SAME_PARTS,
    )


def partial_correctness_chart(table: pd.DataFrame, language: Language = "en") -> Figure:
    """Draw what the wrong answers are made of.

    Args:
        table: From `partial_correctness`.
        language: The reader's.
    """
    from plotly.graph_objects import Figure

    wrong = table[table["outcome"] != RIGHT]
    figure = Figure()
    figure.add_bar(
        x=wrong["share_of_wrong"],
        y=list(range(len(wrong))),
        orientation="h",
        marker_color=[OUTCOMES[outcome] for outcome in wrong["outcome"]],
        texttemplate="%{x:.0%}",
        textposition="outside",
        cliponaxis=False,
        customdata=wrong[["photos", "loss_share"]],
        hovertemplate=text("partial_correctness_hover", language),
    )
    name_axis(figure, [worded(outcome, language) for outcome in wrong["outcome"]])
    figure.update_xaxes(
        tickformat=".0%", rangemode="tozero", title_text=text("partial_correctness_axis", language)
    )
    near = wrong.loc[wrong["outcome"].str.startswith("model line right"), "share_of_wrong"].sum()
    title = text("partial_correctness_title", language, share=near)
    return lay_out(figure, title, 110 + 46 * len(wrong)).update_layout(margin_r=48)
