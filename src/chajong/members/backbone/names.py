"""What the names of the effective classes say, as targets of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chajong.device import best_device
from chajong.encoders.published import name_model_source
from chajong.names.embedding import NameLanguage, embed_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chajong.members.backbone.parameters import FusionParameters

KINDS = ("maker", "generation", "facelift", "powertrain")
"""Attributes with a value of their own; the first year is a number."""

NOT_SAID = -1


@dataclass(frozen=True)
class NameTargets:
    """The names of the effective classes as numbers.

    Attributes:
        embeddings: float32 [classes, d], rows of length 1.
        attributes: For every kind with at least two values, int64 [classes]: the index of the
            class's value among the kind's sorted values, -1 where the name does not say.
        years: float32 [classes]: first years with mean 0 and standard deviation 1 over the classes
            that have one, nan where the name does not say; nan everywhere where fewer than two
            years are told apart.
    """

    embeddings: NDArray[np.float32]
    attributes: dict[str, NDArray[np.int64]]
    years: NDArray[np.float32]


def fusion_targets(classes: pd.DataFrame, parameters: FusionParameters) -> NameTargets:
    """Embed and number the names as a fusion's settings say, on the best device there is.

    Args:
        classes: The `classes` table.
        parameters: The name model, its revision and its language.

    Raises:
        EncoderError: The name model's repository cannot be had.
        ValueError: As `name_targets`.
        OSError: As `name_targets`.
    """
    source = name_model_source(parameters)
    return name_targets(classes, source, str(best_device()), parameters.name_language)


def name_targets(
    classes: pd.DataFrame,
    name_model: str,
    device: str = "cpu",
    language: NameLanguage = "automatic",
) -> NameTargets:
    """Embed and number what the names of the effective classes say.

    The first name of an effective class speaks for it.

    Args:
        classes: The `classes` table, from `chajong.names.table.class_table`.
        name_model: What embeds the names; see `chajong.names.embedding.embed_names`.
        device: The torch device of a SentenceTransformer.
        language: Of the sentences that a SentenceTransformer encodes.

    Returns:
        The targets, in order of `effective_id`.

    Raises:
        ValueError: There is no name, or a blank one, or the SentenceTransformer does not read them.
        OSError: The SentenceTransformer cannot be loaded.
    """
    first = classes.sort_values("class_id").drop_duplicates("effective_id")
    rows = first.sort_values("effective_id")
    numbered = {kind: pd.factorize(rows[kind], sort=True) for kind in KINDS}
    return NameTargets(
        embeddings=embed_names(list(rows["name"]), name_model, device, language),
        attributes={
            kind: codes.astype(np.int64)
            for kind, (codes, values) in numbered.items()
            if len(values) > 1
        },
        years=_standardised(rows["first_year"].to_numpy(dtype=np.float32, na_value=np.nan)),
    )


def _standardised(years: NDArray[np.float32]) -> NDArray[np.float32]:
    said = years[~np.isnan(years)]
    if len(np.unique(said)) < 2:
        return np.full_like(years, np.nan)
    standardised: NDArray[np.float32] = (years - said.mean()) / said.std()
    return standardised
