"""How well photos of the same model are found, by frozen and by trained encoders.

    python -m benchmarks.retrieval --data path/to/results [--trained path/to/others] [--fold 0]

Reads a finished run. In the first table every train photo is searched among all others, without
its near-duplicates. In the second, photos of one fold are searched among those of the other folds,
so that encoders which were trained on these (the backbone of that fold, before its last layer; a
whitening and a metric-learning head fitted on them) can stand beside the frozen ones.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from chajong.encoders.extraction import encode_all
from chajong.encoders.features import Features, features_from_table
from chajong.members.backbone.backbone import build_backbone
from chajong.members.backbone.parameters import BackboneParameters
from chajong.members.checkpoint import read_checkpoint
from chajong.members.heads.whitening import whiten, within_class_covariance
from chajong.members.trained.checkpoint import fold_weights
from chajong.members.trained.views import views_of
from chajong.photos.store import open_photo_store
from chajong.predictions.intervals import mean_interval
from chajong.search.photo_index import known_photos
from chajong.search.retrieval import Retrieval, measure_retrieval
from chajong.tables import read_table
from chajong.training.moving_average import load_trained_weights

SHRINKAGE = 0.3


def row(name: str, found: Retrieval, groups: np.ndarray) -> str:
    """Write one line of a table."""
    first = found.recall(1).astype(float)
    low, high = mean_interval(first, groups[found.answerable])
    shares = " | ".join(f"{found.recall(count).mean():.3f}" for count in (1, 5, 10))
    return f"| {name} | {shares} | {found.mean_average_precision:.3f} | {low:.3f} to {high:.3f} |"


def backbone_features(
    results: Path, data: Path, fold: int, contents: list[str]
) -> np.ndarray | None:
    """Embed photos with a fold's backbone, before its last layer."""
    versions = sorted((results / "06_models/backbone/checkpoint").glob("*/checkpoint"))
    if not versions:
        return None
    checkpoint = read_checkpoint(versions[-1])
    if fold not in checkpoint.configuration["folds"]:
        return None
    chosen = checkpoint.configuration["model"]
    known = {name: chosen[name] for name in chosen if name in BackboneParameters.model_fields}
    parameters = BackboneParameters(**known)
    model = build_backbone(parameters, len(checkpoint.configuration["class_names"]))
    load_trained_weights(model, fold_weights(checkpoint, fold))
    model.eval()
    views = views_of(model, parameters, model.features)
    store = open_photo_store(data / "03_primary/photo_store.arrow")
    return encode_all(contents, store, views)


def main() -> None:
    """Measure every encoder that a run has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trained", type=Path, help="results with a backbone, if others")
    parser.add_argument("--fold", type=int, default=0)
    given = parser.parse_args()
    tables = [
        pd.read_parquet(given.data / "03_primary" / f"{name}.parquet")
        for name in ("photos", "classes", "folds")
    ]
    folds = tables[2][tables[2]["label_counts"]].reset_index(drop=True)
    known = known_photos(tables[0], tables[1], folds)
    labels, groups = pd.factorize(known["class_name"])[0], known["group"].to_numpy()
    found = {
        file.parent.name: features_from_table(read_table(file))
        for file in sorted((given.data / "04_feature").glob("*/features.arrow"))
    }
    print(f"{len(known):,} photos of {labels.max() + 1} models\n")
    print("| every photo among all others | recall@1 | @5 | @10 | mAP | recall@1, 95 % |")
    print("|---|---|---|---|---|---|")
    for name, features in found.items():
        rows = features.rows(known["photo_id"]), labels, groups
        print(row(name, measure_retrieval(rows, rows), groups), flush=True)
    print(f"\n| fold {given.fold} among the others | recall@1 | @5 | @10 | mAP | recall@1, 95 % |")
    print("|---|---|---|---|---|---|")
    asked = (folds["fold"] == given.fold).to_numpy()
    gallery = ~asked & (folds["fold"] >= 0).to_numpy()

    def measured(name: str, matrix: np.ndarray) -> None:
        parts = [(matrix[rows], labels[rows], groups[rows]) for rows in (asked, gallery)]
        print(row(name, measure_retrieval(*parts), groups[asked]), flush=True)

    for name, features in found.items():
        matrix = features.rows(known["photo_id"])
        measured(f"{name}, frozen", matrix)
        if matrix.shape[1] <= 3_000:
            measured(f"{name}, whitened", whitened(features, known, labels, gallery))
    contents = known["sha256"].tolist()
    trained = backbone_features(given.trained or given.data, given.data, given.fold, contents)
    if trained is not None:
        measured("backbone, trained", trained)


def whitened(
    features: Features, known: pd.DataFrame, labels: np.ndarray, gallery: np.ndarray
) -> np.ndarray:
    """Whiten features by what differs between photos of one model, fitted on the gallery."""
    matrix = torch.from_numpy(features.rows(known["photo_id"]))
    own = torch.from_numpy(labels[gallery])
    covariance = within_class_covariance(matrix[gallery], own, int(labels.max()) + 1)
    fitted = whiten(matrix[gallery], covariance, SHRINKAGE)
    return fitted.whitening(matrix).numpy()


if __name__ == "__main__":
    main()
