"""The ensemble as one directory that needs nothing else but published weights.

::

    README.md                 the model card, in the hub's format
    ensemble.json             members, pool, temperature, figures, versions
    classes.parquet           the class list
    confusions.parquet        which classes were taken for which others
    kept_answers.arrow        a few photos, and what was said about them, for comparison
    members/<member>/         each member's checkpoint
    weights/                  copies of local weights that members start from

Weights of the hub stay references, which are fetched when the ensemble is first used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from chajong.inference.agreement import read_answers, write_answers
from chajong.inference.description import SavedEnsemble
from chajong.inference.ensemble import Ensemble
from chajong.inside import OutsideError, inside, refuse_links
from chajong.manifest import DamagedError, check_folder, is_complete
from chajong.members.checkpoint import (
    Checkpoint,
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from chajong.members.libraries import library_versions
from chajong.members.local_weights import copy_weights, find_weights
from chajong.members.registry import kind_of
from chajong.parameters import first_problem
from chajong.predictions.collection import ENSEMBLE
from chajong.slip import SlipError
from chajong.whole import is_leftover, whole_folder

ENSEMBLE_FILE = "ensemble.json"
CARD_FILE = "README.md"
MEMBERS = "members"
FORMAT = 3
CLASSES_FILE, CONFUSIONS_FILE = "classes.parquet", "confusions.parquet"
ANSWERS_FILE = "kept_answers.arrow"

CURE = "Copy it again, or make it anew with `kedro run --pipelines ensembling`."


class SavedEnsembleError(SlipError, ValueError):
    """A directory that is no saved ensemble, or whose parts do not fit; the message says which."""


def write_ensemble(ensemble: Ensemble, folder: Path) -> None:
    """Write an ensemble, whole or not at all.

    Args:
        ensemble: From `build_ensemble`.
        folder: The directory, which is made.

    Raises:
        FileExistsError: The directory holds something already.
    """
    with whole_folder(folder) as unfinished:
        _write_parts(ensemble, unfinished)


def _write_parts(ensemble: Ensemble, folder: Path) -> None:
    copied: dict[str, str] = {}
    for name, checkpoint in ensemble.checkpoints.items():
        configuration = copy_weights(checkpoint.configuration, folder, copied)
        kept = Checkpoint(checkpoint.tensors, configuration, checkpoint.files)
        write_checkpoint(kept, folder / MEMBERS / name)
    ensemble.classes.to_parquet(folder / CLASSES_FILE, index=False)
    ensemble.confusions.to_parquet(folder / CONFUSIONS_FILE, index=False)
    write_answers(ensemble.kept, folder / ANSWERS_FILE)
    (folder / CARD_FILE).write_text(ensemble.card, encoding="utf-8")
    text = json.dumps(_description(ensemble), ensure_ascii=False, indent=2)
    (folder / ENSEMBLE_FILE).write_text(text, encoding="utf-8")


def _description(ensemble: Ensemble) -> dict[str, Any]:
    pool = ensemble.pool
    return {
        "format": FORMAT,
        "members": list(ensemble.members),
        "pool": {
            "method": pool.method,
            "weights": list(pool.weights),
            "temperature": pool.temperature,
            "floor": pool.floor,
        },
        "families": [list(family) for family in ensemble.families.families],
        "family_temperatures": list(ensemble.families.temperatures),
        "checkpoints": list(ensemble.checkpoints),
        "prior": ensemble.prior.tolist(),
        "store_settings": ensemble.store_settings.model_dump(mode="json"),
        "figures": ensemble.figures,
        "versions": library_versions(),
    }


def find_ensemble(path: str | Path) -> Path:
    """Find an ensemble's directory.

    Args:
        path: The directory, or the folder that holds one directory a run.

    Returns:
        The directory; of several runs the latest that has all of its files.

    Raises:
        SavedEnsembleError: There is none.
    """
    folder = Path(path).expanduser()
    if (folder / ENSEMBLE_FILE).is_file() and not is_leftover(folder):
        return folder
    found = (file.parent for file in folder.glob(f"*/*/{ENSEMBLE_FILE}"))
    runs = sorted((run for run in found if not is_leftover(run)), reverse=True)
    latest = next((run for run in runs if is_complete(run)), None)
    if latest is None:
        message = (
            f"There is no saved ensemble in {folder}: `kedro run` saves one in "
            "data/06_models/ensemble."
        )
        raise SavedEnsembleError(message)
    return latest


def read_ensemble(path: str | Path) -> Ensemble:
    """Read what `write_ensemble` wrote; nothing outside of the directory is read.

    Args:
        path: As for `find_ensemble`.

    Raises:
        SavedEnsembleError: There is none, it is of another format, or a part is missing, changed,
            a link, or does not fit the others.
    """
    from safetensors import SafetensorError

    folder = find_ensemble(path)
    try:
        return _read_parts(folder)
    except (CheckpointError, DamagedError, OutsideError, SavedEnsembleError) as error:
        raise SavedEnsembleError(str(error)) from error
    except (OSError, LookupError, ValueError, SafetensorError) as error:
        message = f"The ensemble in {folder} is damaged ({type(error).__name__}: {error}). {CURE}"
        raise SavedEnsembleError(message) from error


def _read_parts(folder: Path) -> Ensemble:
    refuse_links(folder)
    description = _read_description(folder / ENSEMBLE_FILE)
    checkpoints = {name: _read_member(folder, name) for name in description.checkpoints}
    ensemble = Ensemble(
        members=description.members,
        pool=description.fitted_pool(),
        families=description.fitted_families(),
        checkpoints=checkpoints,
        classes=pd.read_parquet(folder / CLASSES_FILE),
        prior=np.array(description.prior),
        store_settings=description.store_settings,
        confusions=pd.read_parquet(folder / CONFUSIONS_FILE),
        card=(folder / CARD_FILE).read_text(encoding="utf-8"),
        figures=description.figures,
        kept=read_answers(folder / ANSWERS_FILE),
    )
    if misfit := _misfit(ensemble):
        raise SavedEnsembleError(f"The parts of the ensemble in {folder} do not fit: {misfit}.")
    return ensemble


def _read_description(file: Path) -> SavedEnsemble:
    try:
        described = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedError(f"{file} is damaged ({error}). {CURE}") from error
    number = described.get("format") if isinstance(described, dict) else None
    if number != FORMAT:
        message = (
            f"{file} is of format {number}, and this version of chajong reads format {FORMAT}: "
            "make it anew with `kedro run --pipelines ensembling`."
        )
        raise SavedEnsembleError(message)
    check_folder(file.parent, CURE)
    try:
        return SavedEnsemble(**described)
    except ValidationError as error:
        message = f"{file} describes no ensemble ({first_problem(error)}). {CURE}"
        raise SavedEnsembleError(message) from error


def _read_member(folder: Path, name: str) -> Checkpoint:
    checkpoint = read_checkpoint(inside(folder / MEMBERS, name))
    kind_of(name, checkpoint)
    configuration = find_weights(checkpoint.configuration, folder)
    return Checkpoint(checkpoint.tensors, configuration, checkpoint.files)


def _misfit(ensemble: Ensemble) -> str | None:
    """Say which parts are of different ensembles, None where all fit."""
    classes = ensemble.classes["effective_class"].nunique()
    if len(ensemble.prior) != classes:
        return f"{len(ensemble.prior)} class frequencies for {classes} classes"
    for name, checkpoint in ensemble.checkpoints.items():
        absent = set(checkpoint.configuration["builds_on"]) - set(ensemble.checkpoints)
        if absent:
            return f"{name} builds on {sorted(absent)}, which are not there"
    kept = ensemble.kept
    unsaid = {*ensemble.members, ENSEMBLE} - set(kept.said)
    if unsaid:
        return f"{ANSWERS_FILE} has no answers of {sorted(unsaid)}"
    if kept.photos.settings != ensemble.store_settings.model_dump(mode="json"):
        return f"the photos of {ANSWERS_FILE} were prepared otherwise than new ones would be"
    return None
