"""The whole run as one page: how good the answer is, what it costs and where it errs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from chajong.reports.class_losses import SHOWN_CLASSES
from chajong.reports.confusions import pair_examples
from chajong.reports.hardest import hardest_photos
from chajong.reports.headline import headline_numbers
from chajong.reports.rendering import render
from chajong.reports.risk_coverage import MARKED_RISK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from plotly.graph_objects import Figure

    from chajong.photos.store import PhotoStore
    from chajong.reports.scored_photos import ScoredPhotos
    from chajong.texts import Language


def report_page(
    scored: ScoredPhotos,
    members: Mapping[str, ScoredPhotos],
    groups: pd.Series[int],
    store: PhotoStore,
    tables: Mapping[str, pd.DataFrame],
    charts: Mapping[str, Figure],
    shift: Mapping[str, Any],
    skipped: Mapping[str, str],
    language: Language = "en",
) -> str:
    """Draw the report.

    Args:
        scored: The ensemble's answers.
        members: The members' answers, the best first.
        groups: Group of each train photo, by `photo_id`.
        store: The photos.
        tables: By the names that the template `report.html` has for them.
        charts: Plotly figures with a title and a height, likewise; learning curves without a line
            are left out.
        shift: How the pool was fitted and why, and log losses by how they were measured: plain,
            grouped, on test-like photos.
        skipped: Why something was left out, by what it is.
        language: The reader's.

    Returns:
        A page that needs no other file and no network; how many photos it shows, and so its size,
        does not depend on how many there are.
    """
    from plotly.offline import get_plotlyjs

    hardest = hardest_photos(scored, members)
    return render(
        "report.html",
        language,
        headline=headline_numbers(scored, members, groups, language),
        tables=tables,
        charts=charts,
        all_right=bool(scored.right.all()),
        examples=list(pair_examples(scored, tables["confused_pairs"]).itertuples()),
        hardest=[list(views.itertuples()) for _, views in hardest.groupby("rank")],
        store=store,
        shift=shift,
        skipped=skipped,
        shown_classes=SHOWN_CLASSES,
        marked_risk=MARKED_RISK,
        plotly=Markup(get_plotlyjs()),
    )
