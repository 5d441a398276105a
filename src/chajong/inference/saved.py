"""The ensemble as one directory that needs nothing else but published weights.

::

    README.md                 the model card, in the hub's format
    ensemble.json             members, pool, temperature, figures, versions
    classes.parquet           the class list
    confusions.csv
    members/<member>/         each member's checkpoint
    weights/                  copies of local weights that members start from

Weights of the hub stay references, which are fetched when the ensemble is first used.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chajong.ensembling.family_temperature import FamilyTemperatures
from chajong.ensembling.pools.pool import Pool
from chajong.inference.ensemble import Ensemble
from chajong.manifest import DamagedError, check_folder
from chajong.members.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from chajong.members.local_weights import copy_weights, find_weights
from chajong.photos.preparation import StoreSettings
from chajong.whole import is_leftover, whole_folder

ENSEMBLE_FILE = "ensemble.json"
CARD_FILE = "README.md"
FORMAT = 2

CURE = "Copy it again, or make it anew with `kedro run --pipelines ensembling`."

LIBRARIES = (
    "chajong",
    "numpy",
    "open_clip_torch",
    "pandas",
    "pillow",
    "scikit-learn",
    "timm",
    "torch",
    "torchvision",
    "transformers",
)
"""Libraries whose versions a directory records."""


class SavedEnsembleError(ValueError):
    """A directory that is no saved ensemble, or whose parts do not fit; the message says which."""


def library_versions() -> dict[str, str]:
    """Give the versions of the libraries that answers depend on."""
    return {library: version(library) for library in LIBRARIES}


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
        write_checkpoint(kept, folder / "members" / name)
    ensemble.classes.to_parquet(folder / "classes.parquet", index=False)
    ensemble.confusions.to_csv(folder / "confusions.csv", index=False, encoding="utf-8-sig")
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
        The directory; of several runs the latest.

    Raises:
        SavedEnsembleError: There is none.
    """
    folder = Path(path).expanduser()
    if (folder / ENSEMBLE_FILE).is_file():
        return folder
    found = (file.parent for file in folder.glob(f"*/*/{ENSEMBLE_FILE}"))
    runs = sorted(run for run in found if not is_leftover(run))
    if not runs:
        message = (
            f"There is no saved ensemble in {folder}: `kedro run` saves one in "
            "data/06_models/ensemble."
        )
        raise SavedEnsembleError(message)
    return runs[-1]


def read_ensemble(path: str | Path) -> Ensemble:
    """Read what `write_ensemble` wrote.

    Args:
        path: As for `find_ensemble`.

    Raises:
        SavedEnsembleError: There is none, it is of another format, or a part is missing.
    """
    folder = find_ensemble(path)
    try:
        return _read_parts(folder)
    except DamagedError as error:
        raise SavedEnsembleError(str(error)) from error
    except (OSError, KeyError, json.JSONDecodeError) as error:
        message = f"The ensemble in {folder} is damaged ({type(error).__name__}: {error}). {CURE}"
        raise SavedEnsembleError(message) from error


def _read_parts(folder: Path) -> Ensemble:
    description = json.loads((folder / ENSEMBLE_FILE).read_text(encoding="utf-8"))
    if description["format"] != FORMAT:
        message = (
            f"The ensemble in {folder} is of format {description['format']}, and this version of "
            f"chajong reads format {FORMAT}: make it anew with `kedro run --pipelines ensembling`."
        )
        raise SavedEnsembleError(message)
    check_folder(folder, CURE)
    pool = description["pool"]
    return Ensemble(
        members=tuple(description["members"]),
        pool=Pool(pool["method"], tuple(pool["weights"]), pool["temperature"], pool["floor"]),
        families=FamilyTemperatures(
            tuple(tuple(family) for family in description["families"]),
            tuple(description["family_temperatures"]),
        ),
        checkpoints={name: _read_member(folder, name) for name in description["checkpoints"]},
        classes=pd.read_parquet(folder / "classes.parquet"),
        prior=np.array(description["prior"]),
        store_settings=StoreSettings(**description["store_settings"]),
        confusions=pd.read_csv(folder / "confusions.csv", encoding="utf-8-sig"),
        card=(folder / CARD_FILE).read_text(encoding="utf-8"),
        figures=description["figures"],
    )


def _read_member(folder: Path, name: str) -> Checkpoint:
    checkpoint = read_checkpoint(folder / "members" / name)
    configuration = find_weights(checkpoint.configuration, folder)
    return Checkpoint(checkpoint.tensors, configuration, checkpoint.files)
