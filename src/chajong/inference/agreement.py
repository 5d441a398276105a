"""Proof that a saved ensemble answers as the run that made it did: photos kept with its answers.

A checkpoint proves its fold models alone. What comes before and after them (an encoder, hints,
mixtures, temperatures, the pool, its floor, the families) is proved by what all of it said together
about a few photos, by each member and by the ensemble.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chajong.device import best_device
from chajong.inference.member_models import members_needed
from chajong.members.checkpoint import PROOF_PHOTOS
from chajong.members.proof import AGREEMENT, ON_THE_CPU, beyond_rounding, saved_arithmetic
from chajong.photos.store import PhotoStore, open_photo_store
from chajong.predictions.collection import ENSEMBLE
from chajong.predictions.contract import pool_fold_models, split_rows
from chajong.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from chajong.inference.classifier import CarClassifier
    from chajong.members.checkpoint import Checkpoint
    from chajong.predictions.contract import Predictions, Split

SAID = "said."
"""Begins the name of a column of answers, before a member's name."""


class AgreementError(ValueError):
    """A saved ensemble that answers otherwise than its run did."""


@dataclass(frozen=True, eq=False)
class KeptAnswers:
    """A few photos, and what was said about them.

    Attributes:
        photos: The photos.
        said: Log-probabilities float32 [photos, classes] by member, and of the `ENSEMBLE`.
    """

    photos: PhotoStore
    said: Mapping[str, np.ndarray]

    def alone(self, member: str) -> KeptAnswers:
        """Give a member's answers as an ensemble of its own; no photo where it said nothing."""
        if member in self.said:
            said = self.said[member]
            return KeptAnswers(self.photos, {member: said, ENSEMBLE: said})
        nothing = np.empty((0, 0), np.float32)
        photos = PhotoStore(self.photos.table.slice(0, 0))
        return KeptAnswers(photos, {member: nothing, ENSEMBLE: nothing})


def keep_answers(
    ensemble: Predictions,
    members: Mapping[str, Predictions],
    photos: pd.DataFrame,
    store: PhotoStore,
) -> KeptAnswers:
    """Keep what a run says of some photos that no model was trained on, of test photos if it can.

    Args:
        ensemble: The ensemble's predictions.
        members: Those of its members, by fold or not.
        photos: The `photos` table.
        store: The photos.

    Returns:
        At most `PROOF_PHOTOS` photos, evenly from among those that everybody answers about; none
        where there is no such photo.
    """
    import pyarrow as pa

    split: Split = "test" if (ensemble.rows["split"] == "test").any() else "calibration"
    answers = {name: pool_fold_models(each, split) for name, each in members.items()}
    answers[ENSEMBLE] = split_rows(ensemble, split)
    asked = answers[ENSEMBLE].rows["photo_id"]
    for each in answers.values():
        asked = asked[asked.isin(each.rows["photo_id"])]
    contents = photos.set_index("photo_id")["sha256"].loc[asked].drop_duplicates()
    chosen = contents.iloc[_evenly(len(contents), PROOF_PHOTOS)]
    table = pa.table(
        {
            "sha256": pa.array(chosen.tolist(), pa.string()),
            "jpeg": pa.array([store.jpeg(each) for each in chosen], pa.large_binary()),
        }
    ).replace_schema_metadata(store.table.schema.metadata)
    said = {name: _of_photos(each, chosen.index) for name, each in answers.items()}
    return KeptAnswers(PhotoStore(table), said)


def _evenly(count: int, wanted: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(int)


def _of_photos(answers: Predictions, photo_ids: pd.Index[str]) -> np.ndarray:
    places = answers.rows.set_index("photo_id").index.get_indexer(photo_ids)
    return answers.log_probabilities[places]


def write_answers(kept: KeptAnswers, file: Path) -> None:
    """Write the photos and what was said about them."""
    import pyarrow as pa

    table = kept.photos.table.select(["sha256", "jpeg"])
    for name, values in kept.said.items():
        table = table.append_column(SAID + name, pa.array(list(values), pa.list_(pa.float32())))
    write_table(table, file)


def read_answers(file: Path) -> KeptAnswers:
    """Read what `write_answers` wrote."""
    photos = open_photo_store(file)
    said = {
        column.removeprefix(SAID): np.array(photos.table[column].to_pylist(), np.float32)
        for column in photos.table.column_names
        if column.startswith(SAID)
    }
    return KeptAnswers(photos, said)


def check_agreement(classifier: CarClassifier) -> dict[str, Any]:
    """Ask about the kept photos again; members without weight, whom nobody asks, are not.

    Args:
        classifier: The saved ensemble, or one of its members.

    Returns:
        `photos`, how many were asked about, and `largest_difference` of the ensemble's
        probabilities; no difference where nothing was kept.

    Raises:
        AgreementError: A probability differs by more than `AGREEMENT`; where an accelerator takes
            part, which answers in half precision and rounds batches of another size otherwise,
            the answers differ by more than rounding.
    """
    ensemble = classifier.ensemble
    contents = list(ensemble.kept.photos.keys())
    if not contents:
        return {"photos": 0, "largest_difference": None}
    asked = classifier.asked(contents, ensemble.kept.photos)
    exact = _all_on_the_cpu(ensemble.checkpoints.values())
    difference = None
    configurations = {name: each.configuration for name, each in ensemble.checkpoints.items()}
    answering = {*members_needed(ensemble.asked, configurations), ENSEMBLE}
    kept = {name: said for name, said in ensemble.kept.said.items() if name in answering}
    for name, said in kept.items():
        whole = name == ENSEMBLE
        answered = ensemble.log_probabilities(asked) if whole else asked.of(name)
        difference = float(np.abs(np.exp(answered) - np.exp(said)).max())
        agreed = difference <= AGREEMENT if exact else beyond_rounding(answered, said) is None
        if not agreed:
            raise AgreementError(_disagreement(name, len(contents), difference))
    return {"photos": len(contents), "largest_difference": difference}


def _disagreement(name: str, photos: int, difference: float) -> str:
    if name == ENSEMBLE:
        who, cure = "saved ensemble's", "make it anew with `kedro run --pipelines ensembling`"
    else:
        who = f"saved member {name!r}'s"
        cure = f"run `kedro run --namespaces {name}` and `kedro run --pipelines ensembling` again"
    return (
        f"The {who} probabilities of {photos} photos differ by up to {difference:.3g} from those "
        f"of the run that saved it: a file is of another run, or was changed. Copy it again, or "
        f"{cure}."
    )


def _all_on_the_cpu(checkpoints: Iterable[Checkpoint]) -> bool:
    """Tell whether every member answered on a CPU and answers there now, always in float32."""
    configurations = [checkpoint.configuration for checkpoint in checkpoints]
    devices = {
        configuration.get("encoded_on", saved_arithmetic(configuration).device)
        for configuration in configurations
    }
    return {best_device().type, *devices} == {ON_THE_CPU.device}
