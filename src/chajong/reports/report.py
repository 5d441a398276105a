"""The whole run as one page: how good the answer is, what it costs and where it errs."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from chajong.photos.page import numbers_html
from chajong.predictions.contract import split_rows
from chajong.reports.approaches import approach_chart, approach_table
from chajong.reports.class_losses import class_loss_chart, class_loss_table
from chajong.reports.confusions import confused_pairs, confusions_html, pair_examples
from chajong.reports.elements import chart_html, folded_html, section_html
from chajong.reports.hardest import hardest_html, hardest_photos
from chajong.reports.headline import headline_numbers
from chajong.reports.learning_curves import learning_curves_chart
from chajong.reports.none_of_the_known import (
    none_of_the_known,
    score_chart,
    unknown_html,
    unknown_photos,
)
from chajong.reports.page_style import framed_report
from chajong.reports.partial_correctness import partial_correctness, partial_correctness_chart
from chajong.reports.reliability import reliability_chart, reliability_table
from chajong.reports.report_tables import (
    abstentions_html,
    approaches_html,
    class_losses_html,
    leaderboard_html,
    pairs_html,
    partial_correctness_html,
    reliability_html,
    skipped_html,
    steps_html,
)
from chajong.reports.risk_coverage import (
    MARKED_RISK,
    WANTED_RISKS,
    area_under_risk_coverage,
    risk_coverage_chart,
    risk_coverage_table,
    suggest_abstention,
)
from chajong.reports.steps import gains_per_step, steps_chart

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from chajong.photos.store import PhotoStore
    from chajong.predictions.contract import Predictions
    from chajong.reports.scored_photos import ScoredPhotos

MEMBERS_BESIDE = 2
"""How many of the best members the reliability diagram shows beside the ensemble."""


@dataclass(frozen=True, eq=False)
class ReportParts:
    """What the report is made from.

    Attributes:
        scored: The ensemble's answers, from `scored_photos`.
        members: The members' answers, the best first, from `scored_members`.
        predictions: The ensemble's predictions, for its test photos.
        photos: The `photos` table.
        classes: The `classes` table.
        groups: Group of each train photo, by `photo_id`.
        leaderboard: One row a member and the ensemble, with intervals.
        store: The photos.
        step_losses: As `gains_per_step` reads it, or None.
        shift_losses: Log loss by how it was measured: plain, grouped, on test-like photos.
        shift_text: What was found about train against test, plain text.
        histories: Training history by member.
        skipped: Why something was left out, by what it is.
    """

    scored: ScoredPhotos
    members: Mapping[str, ScoredPhotos]
    predictions: Predictions
    photos: pd.DataFrame
    classes: pd.DataFrame
    groups: pd.Series[int]
    leaderboard: pd.DataFrame
    store: PhotoStore
    step_losses: pd.DataFrame | None = None
    shift_losses: Mapping[str, float] = field(default_factory=dict)
    shift_text: str = ""
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


def report_page(parts: ReportParts) -> str:
    """Draw the report.

    Args:
        parts: What it is made from.

    Returns:
        A page that needs no other file and no network; how many photos it shows, and so its size,
        does not depend on how many there are.
    """
    sections = {
        "Gain per step": _steps(parts),
        "Leaderboard": _leaderboard(parts),
        "Approaches": _approaches(parts),
        "Reliability": _reliability(parts),
        "Classes that carry the loss": _class_losses(parts),
        "Partial correctness": _partial_correctness(parts),
        "Confused pairs": _confusions(parts),
        "Hardest photos": _hardest(parts),
        "Coverage against risk": _risk_coverage(parts),
        "None of the known models": _none_of_the_known(parts),
        "Train against test": _shift(parts),
        "Learning curves": _learning_curves(parts),
        "What was skipped": _skipped(parts),
    }
    shown = {title: content for title, content in sections.items() if content}
    links = "".join(f'<a href="#{_anchor(title)}">{escape(title)}</a>' for title in shown)
    body = "".join(
        section_html(_anchor(title), title, *content) for title, content in shown.items()
    )
    numbers = numbers_html(headline_numbers(parts.scored, parts.members, parts.groups))
    return framed_report("Results and errors", f"{numbers}<nav>{links}</nav>{body}")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _steps(parts: ReportParts) -> tuple[str, ...]:
    if parts.step_losses is None:
        return ()
    table = gains_per_step(parts.step_losses, parts.groups)
    return (
        "Each bar runs from the log loss before a step to the one after it, green where the step "
        "gains; the whisker is the 95% interval of that gain on the same photos.",
        chart_html(steps_chart(table)),
        steps_html(table),
    )


def _leaderboard(parts: ReportParts) -> tuple[str, ...]:
    return (
        "All figures come from photos that the model in question was not trained on; beneath a "
        "figure is its 95% interval, and a difference smaller than the intervals may be chance.",
        leaderboard_html(parts.leaderboard),
    )


def _approaches(parts: ReportParts) -> tuple[str, ...]:
    table = approach_table(parts.leaderboard)
    return (
        "The lower a point the better the answers, the further left the less they cost; members "
        "of one colour work alike.",
        chart_html(approach_chart(table)),
        folded_html("Figures by approach", approaches_html(table)),
    )


def _reliability(parts: ReportParts) -> tuple[str, ...]:
    best = list(parts.members.items())[:MEMBERS_BESIDE]
    table = reliability_table({"ensemble": parts.scored, **dict(best)})
    return (
        "On the dotted line the stated confidence is exactly how often the answer is right; "
        "points under it are overconfident, and whiskers are 95% intervals.",
        chart_html(reliability_chart(table)),
        folded_html("The ensemble's bins", reliability_html(table)),
    )


def _class_losses(parts: ReportParts) -> tuple[str, ...]:
    table = class_loss_table(parts.scored)
    return (
        "A bar that reaches beyond its orange mark is a class that costs more than its number of "
        "photos explains; work on these first.",
        chart_html(class_loss_chart(table)),
        folded_html("These classes in figures", class_losses_html(table)),
    )


def _partial_correctness(parts: ReportParts) -> tuple[str, ...]:
    table = partial_correctness(parts.scored, parts.classes)
    chart = chart_html(partial_correctness_chart(table)) if not parts.scored.right.all() else ""
    return (
        "A wrong answer counts under the first part of the name that it gets wrong, from the "
        "maker down to the years; light bars are look-alikes of one model line.",
        chart,
        partial_correctness_html(table),
    )


def _confusions(parts: ReportParts) -> tuple[str, ...]:
    pairs = confused_pairs(parts.scored)
    if pairs.empty:
        return ("No photo is taken for another class.",)
    return (
        "Each box sets two classes side by side with the photos of each that look most like the "
        "other to the ensemble; where you cannot tell them apart either, look at the labels.",
        confusions_html(pairs, pair_examples(parts.scored, pairs), parts.store),
        folded_html("All counts", pairs_html(pairs)),
    )


def _hardest(parts: ReportParts) -> tuple[str, ...]:
    table = hardest_photos(parts.scored, parts.members)
    return (
        "The photos with the highest loss: where every member agrees on another class, the label "
        "may be wrong; where they disagree, the photo is hard.",
        hardest_html(table, parts.store),
    )


def _risk_coverage(parts: ReportParts) -> tuple[str, ...]:
    table = risk_coverage_table(parts.scored)
    abstentions = {risk: suggest_abstention(parts.scored, risk) for risk in WANTED_RISKS}
    area = area_under_risk_coverage(parts.scored)
    return (
        "Read from right to left: the further the least confident photos are left to a person, "
        "the fewer of the remaining answers are wrong; the dashed line keeps them under "
        f"{MARKED_RISK:.0%}, where that can be promised.",
        chart_html(risk_coverage_chart(table, area, abstentions[MARKED_RISK])),
        abstentions_html(abstentions),
    )


def _none_of_the_known(parts: ReportParts) -> tuple[str, ...]:
    test = split_rows(parts.predictions, "test")
    if not len(test.rows):
        return ("There are no test photos.",)
    scores = [none_of_the_known(rows.log_probabilities) for rows in (parts.scored, test)]
    table = unknown_photos(parts.predictions, parts.photos)
    return (
        "The score is 1 less the highest probability (Hendrycks and Gimpel, 2017): these test "
        "photos may show a car that no class stands for, or no car at all.",
        chart_html(score_chart(*scores)),
        unknown_html(table, parts.store),
    )


def _shift(parts: ReportParts) -> tuple[str, ...]:
    if not parts.shift_losses:
        return ()
    losses = {escape(name): f"{loss:.4f}" for name, loss in parts.shift_losses.items()}
    reading = "The same answers, measured in several ways: the farther apart these figures, the "
    reading += "less the plain one says about the test photos."
    return (f"{reading} {parts.shift_text}".strip(), numbers_html(losses))


def _learning_curves(parts: ReportParts) -> tuple[str, ...]:
    if not parts.histories:
        return ()
    return (
        "A line a fold; a line that still falls at its end wants more training, and folds that "
        "lie apart are unlike one another.",
        chart_html(learning_curves_chart(parts.histories)),
    )


def _skipped(parts: ReportParts) -> tuple[str, ...]:
    if not parts.skipped:
        return ("Nothing was left out.",)
    return ("What has no part in the figures above, and why.", skipped_html(parts.skipped))
