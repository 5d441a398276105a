"""Refusing what is no known car: by the distance to known photos, and by the classifier's doubt.

    python -m benchmarks.known_cars --raw data/01_raw/sample --encoder '{"library": "hog"}'

A fifth of the classes is held back in turn. Of the others four fifths of the groups are the known
photos: an index for distances, and training photos of a logistic regression for its highest
probability and its energy (Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020).
The rest are new photos of known cars. Limits refuse at most 5 % of the known cars of the other
turns. 100 pictures that are no cars are drawn, written or come with scikit-image. Beside it: what
the index promises by itself, which holds back one class at a time without training anything.
"""

from __future__ import annotations

import argparse
import json
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFilter
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from chajong.encoders.building import build_encoder
from chajong.encoders.extraction import encode_all
from chajong.encoders.parameters import read_encoder
from chajong.inference.given_photos import GivenPhoto
from chajong.inference.new_photos import prepare_new_photos
from chajong.photos.folder import scan_photo_folder
from chajong.photos.preparation import StoreSettings
from chajong.pipelines.data_processing import folds as fold_nodes
from chajong.pipelines.data_processing import nodes
from chajong.pipelines.data_processing.parameters import DataProcessingParameters
from chajong.predictions.intervals import mean_interval
from chajong.reports.binomial import share_interval
from chajong.search.known_cars import PARTS, distances_to_others, fit_limit, refused_out_of_fold
from chajong.search.photo_index import known_photos
from chajong.search.vector_index import unit_vectors

SIDE = 320
DRAWN, WRITTEN, TAKEN = 30, 30, 40
RULES = ("distance", "highest probability", "energy", "distance and energy")


def main() -> None:
    """Measure every rule, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--encoder", type=json.loads, required=True)
    given = parser.parse_args()
    known, features, others = encoded(given.raw, given.encoder)
    labels = pd.factorize(known["class_name"], sort=True)[0]
    groups = known["group"].to_numpy()
    print(f"{len(known):,} photos of {labels.max() + 1} models, {len(others)} that are no cars\n")
    print("| refused, limits fitted out of fold | known cars | held-back classes | no cars |")
    print("|---|---|---|---|")
    turns = [turn(features, labels, groups, others, part) for part in range(PARTS)]
    for place, rule in enumerate(RULES):
        print(row(rule, [tuple(kind[place] for kind in scores) for scores in turns], turns))
    distances = distances_to_others(features, labels, groups)
    of_known, of_held_back = refused_out_of_fold(distances)
    limit = fit_limit(distances.known, distances.held_back)
    nearest = 1 - (unit_vectors(others) @ unit_vectors(features).T).max(axis=1)
    cells = [
        share(of_known, groups),
        share(of_held_back, labels),
        exact_share(nearest > limit),
    ]
    print(f"| distance, as the index fits it ({limit:.3f}) | {' | '.join(cells)} |")


def encoded(raw: Path, encoder: dict[str, object]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Encode the train photos whose labels count, and pictures that are no cars."""
    parameters, model = DataProcessingParameters(), build_encoder(read_encoder(encoder))
    scanned = scan_photo_folder(raw)
    classes, listing = nodes.list_classes(scanned, parameters), nodes.list_photos(scanned)
    reviewed = nodes.honour_review(scanned, listing, None)
    with TemporaryDirectory() as scratch:
        photos, store = nodes.read_photos(scanned, reviewed, Path(scratch), parameters)
        grouped = fold_nodes.group_photos(photos, classes, store, parameters)
        folds, _ = fold_nodes.assign_folds(photos, listing, classes, grouped, parameters)
        known = known_photos(photos, classes, folds[folds["label_counts"]])
        features = encode_all(known["sha256"].tolist(), store, model, "Known photos")
    pictures = [GivenPhoto(f"{number}", jpeg) for number, jpeg in enumerate(no_cars())]
    prepared = prepare_new_photos(pictures, StoreSettings(**store.settings))
    return known, features, encode_all(list(prepared.contents), prepared.store, model)


def no_cars() -> list[bytes]:
    """Draw noise and textures, write documents, and take scikit-image's pictures."""
    generator = np.random.default_rng(0)
    drawn = [texture(generator, number) for number in range(DRAWN)]
    written = [document(generator) for _ in range(WRITTEN)]
    pictures = [*drawn, *written, *taken(generator)]
    return [jpeg_of(picture) for picture in pictures]


def texture(generator: np.random.Generator, number: int) -> Image.Image:
    """Draw noise, blurred noise or stripes of two colours."""
    noise = generator.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
    if number % 3 < 2:
        return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(number % 3 * number / 2))
    across, down = generator.integers(-4, 5, 2)
    y, x = np.mgrid[:SIDE, :SIDE]
    wave = 0.5 + 0.5 * np.sin((across * x + (down or 1) * y) / generator.uniform(4, 20))
    first, second = generator.integers(256, size=(2, 3))
    return Image.fromarray((wave[..., None] * first + (1 - wave[..., None]) * second).astype("u1"))


def document(generator: np.random.Generator) -> Image.Image:
    """Write lines of random words on paper."""
    page = Image.new("RGB", (SIDE, SIDE * 4 // 3), (250, 250, 245))
    pen, letters = ImageDraw.Draw(page), list("abcdefghijklmnopqrstuvwxyz ")
    for line in range(20, page.height - 20, int(generator.integers(14, 24))):
        words = "".join(generator.choice(letters, int(generator.integers(20, 45))))
        pen.text((16, line), words, fill=(40, 40, 40))
    return page


def taken(generator: np.random.Generator) -> list[Image.Image]:
    """Cut squares out of the pictures that come with scikit-image."""
    from skimage import data

    files = sorted(
        file
        for file in Path(data.__file__).parent.iterdir()
        if file.suffix in (".png", ".jpg") and not file.stem.startswith("motorcycle")
    )
    cut = []
    for number in range(TAKEN):
        picture = Image.open(files[number % len(files)]).convert("RGB")
        side = int(min(picture.size) * generator.uniform(0.6, 1))
        left, top = (int(generator.integers(edge - side + 1)) for edge in picture.size)
        cut.append(picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE)))
    return cut


def jpeg_of(picture: Image.Image) -> bytes:
    """Write a picture as a JPEG file."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


Scores = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def turn(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, others: np.ndarray, part: int
) -> Scores:
    """Hold classes back and score photos by every rule.

    Returns:
        Scores [rules, photos] of new photos, of held-back ones and of no cars, then the groups of
        the first and the labels of the second.
    """
    held_back = labels % PARTS == part
    new = ~held_back & (groups % PARTS == part)
    trained = ~held_back & ~new
    rooted, rooted_others = (np.sign(rows) * np.sqrt(np.abs(rows)) for rows in (features, others))
    mean = rooted[trained].mean(axis=0)
    directions = unit_vectors(rooted - mean)
    head = LogisticRegression(C=300, max_iter=200).fit(directions[trained], labels[trained])
    gallery = unit_vectors(features[trained])

    def scores(plain: np.ndarray, rows: np.ndarray) -> np.ndarray:
        logits = head.decision_function(rows)
        energy = logsumexp(logits, axis=1)
        distance = 1 - (unit_vectors(plain) @ gallery.T).max(axis=1)
        doubt = 1 - np.exp(logits.max(axis=1) - energy)
        return np.stack([distance, doubt, -energy])

    asked = [(features[chosen], directions[chosen]) for chosen in (new, held_back)]
    asked.append((others, unit_vectors(rooted_others - mean)))
    scored = [scores(*each) for each in asked]
    # Both in units of their spread among new photos of known cars.
    spread = scored[0][[0, 2]].std(axis=1, keepdims=True)
    joined = [np.vstack([each, (each[[0, 2]] / spread).sum(axis=0)]) for each in scored]
    return joined[0], joined[1], joined[2], groups[new], labels[held_back]


def row(rule: str, scores: list[tuple[np.ndarray, ...]], turns: list[Scores]) -> str:
    """Refuse by limits of the other turns, and write one line of the table."""
    refused: list[list[np.ndarray]] = [[], [], []]
    for part, judged in enumerate(scores):
        fitted = [
            np.concatenate([each[kind] for place, each in enumerate(scores) if place != part])
            for kind in (0, 1)
        ]
        limit = fit_limit(fitted[0], fitted[1])
        for kind in range(3):
            refused[kind].append(judged[kind] > limit)
    clusters = [np.concatenate([each[place] for each in turns]) for place in (3, 4)]
    cells = [share(np.concatenate(refused[kind]), clusters[kind]) for kind in (0, 1)]
    cells.append(exact_share(refused[2][0]))
    return f"| {rule} | {' | '.join(cells)} |"


def share(refused: np.ndarray, clusters: np.ndarray) -> str:
    """Write a share with its 95 % interval; photos of a cluster agree."""
    low, high = mean_interval(refused.astype(float), clusters)
    return f"{refused.mean():.1%} ({low:.1%} to {high:.1%})"


def exact_share(refused: np.ndarray) -> str:
    """Write a share of pictures that have nothing in common, with its 95 % interval."""
    low, high = share_interval(refused.sum(keepdims=True), np.array([len(refused)]))
    return f"{refused.mean():.1%} ({low[0]:.1%} to {high[0]:.1%})"


if __name__ == "__main__":
    main()
