"""Whose weights a member starts from, their licences and dates, and a rule for them.

Competitions bind pretrained weights to a date (the Hecto AI Challenge: published before 2025-05-19,
free to use); marketplaces need a licence for commercial use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from chajong.encoders.weights import BASE, is_path
from chajong.members.cards.own_weights import made_here
from chajong.parameters import Strict
from chajong.slip import SlipError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

NO_WEIGHTS = ("random", "characters")
"""Settings that name no weights."""

COLUMNS = ["member", "model", "weights", "commit", "licence", "published", "source", "note"]


COMMIT = re.compile("[0-9a-f]{40}")


class WeightsRuleError(SlipError, ValueError):
    """Weights that break the rule; the message names each, and the fix."""


class DeclaredWeights(Strict):
    """What a person knows of weights that are not in the project's table.

    Attributes:
        model: The model's name, or the name of the file or folder of its weights.
        licence: Its licence, by its SPDX identifier where it has one.
        published: When it was published: a year, a month or a day.
        source: Where it comes from.
    """

    model: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    published: str = Field(pattern=r"^\d{4}(-\d{2}){0,2}$")
    source: str = ""


class WeightsRule(Strict):
    """Which weights may be used.

    Attributes:
        published_before: Weights must have been published before this day; null allows any.
        licences: Allowed licences; null allows any.
        declared: Weights that a person vouches for.
    """

    published_before: date | None = None
    licences: tuple[str, ...] | None = None
    declared: tuple[DeclaredWeights, ...] = ()


@dataclass(frozen=True)
class UsedWeights:
    """Weights that a member starts from.

    Attributes:
        member: The member.
        model: The model's name.
        weights: ``hub``, a tag, or a path.
        commit: Of the hub repository that they were fetched from; empty where it is not known.
    """

    member: str
    model: str
    weights: str
    commit: str = ""

    @property
    def shown(self) -> str:
        """The weights without the machine's folders."""
        return Path(self.weights).name if is_path(self.weights) else self.weights


def used_weights(configurations: Mapping[str, Mapping[str, Any]]) -> list[UsedWeights]:
    """Find the weights that members start from.

    Args:
        configurations: Of the members' checkpoints.

    Returns:
        Each once a member; nothing for random initialisation.
    """
    found = [
        used
        for member, configuration in configurations.items()
        for used in _within(member, configuration)
    ]
    return list(dict.fromkeys(found))


def _within(member: str, settings: Any) -> Iterable[UsedWeights]:
    if not isinstance(settings, dict):
        return
    model, weights = settings.get("model"), settings.get("weights")
    if isinstance(model, str) and isinstance(weights, str) and weights not in NO_WEIGHTS:
        yield UsedWeights(member, model, weights, _commit(settings.get("revision")))
    named = settings.get("name_model")
    if isinstance(named, str) and named not in NO_WEIGHTS:
        folder = Path(named)
        commit = _commit(settings.get("name_revision"))
        local = UsedWeights(member, folder.name, str(folder.resolve()))
        yield local if folder.exists() else UsedWeights(member, named, "hub", commit)
    for key, value in settings.items():
        if key != BASE:
            yield from _within(member, value)


def _commit(revision: Any) -> str:
    """Give a revision that is a commit; a branch says nothing about what was fetched."""
    return revision if isinstance(revision, str) and COMMIT.fullmatch(revision) else ""


@cache
def published_weights() -> pd.DataFrame:
    """Read what is known of published weights: model, weights, licence, published, source, note."""
    import pandas as pd

    text = (files(__package__) / "published_weights.csv").read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)


def describe_weights(used: Iterable[UsedWeights], rule: WeightsRule) -> pd.DataFrame:
    """Look up licences and dates.

    Args:
        used: The weights.
        rule: What a person declared goes before the table.

    Returns:
        One row each: `COLUMNS`; empty text where nothing is known.
    """
    import pandas as pd

    rows = [
        (each.member, each.model, each.shown, each.commit, *_known(each, rule)) for each in used
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _known(used: UsedWeights, rule: WeightsRule) -> tuple[str, str, str, str]:
    for declared in rule.declared:
        if declared.model in (used.model, used.shown):
            return declared.licence, declared.published, declared.source, "declared"
    if made_here(used.weights):
        return "MIT", "", "trained by this project alone", "own"
    table = published_weights()
    rows = table[(table["model"] == used.model) & (table["weights"] == used.weights)]
    if len(rows):
        row = rows.iloc[0]
        return row["licence"], row["published"], row["source"], row["note"]
    return "", "", "", "not known: declare its licence and date"


def check_weights(described: pd.DataFrame, rule: WeightsRule) -> None:
    """Refuse weights that break the rule.

    A date that is known by its year or month alone counts as that year's or month's last day.

    Args:
        described: From `describe_weights`.
        rule: The rule.

    Raises:
        WeightsRuleError: Some break it, or cannot be shown to keep it.
    """
    broken = [
        f"{row['member']}: {row['model']} ({row['weights']}) {reason}"
        for row in described.to_dict("records")
        if row["note"] != "own" and (reason := _broken(row, rule))
    ]
    if broken:
        message = (
            "Weights break the rule in `ensembling.weights_rule`: "
            + "; ".join(broken)
            + ". Leave these members out (`ensembling.leave_out`), choose other weights, declare "
            "what you know of them in `ensembling.weights_rule.declared`, or relax the rule."
        )
        raise WeightsRuleError(message)


def _broken(row: Mapping[Any, Any], rule: WeightsRule) -> str | None:
    if rule.published_before is not None:
        if not row["published"]:
            return f"has no known date, and must be from before {rule.published_before}"
        if last_day(row["published"]) >= rule.published_before:
            return f"was published {row['published']}, not before {rule.published_before}"
    if rule.licences is not None and row["licence"] not in rule.licences:
        licence = row["licence"] or "an unknown licence"
        return f"is under {licence}, and {', '.join(rule.licences)} are allowed"
    return None


def last_day(published: str) -> date:
    """Give the last day that a year, a month or a day can mean."""
    import pandas as pd

    parts = [int(part) for part in re.findall(r"\d+", published)]
    if len(parts) == 1:
        return date(parts[0], 12, 31)
    if len(parts) == 2:
        return (pd.Timestamp(parts[0], parts[1], 1) + pd.offsets.MonthEnd(0)).date()
    return date(*parts)
