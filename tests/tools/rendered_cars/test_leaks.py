"""Nothing but the car may tell the class.

A classifier sees every photo without its car and must stay at chance. Cutting out each
photo's own mask would leave a hole in the car's shape, which does tell the class. So the
same pixels are cut out of all photos: every pixel that any car of the set, or its
surroundings within a few pixels, covers. The camera stands farther away than usual, with
everything else as drawn, so that wide margins are left.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tools.rendered_cars.appearance import appearance_of
from tools.rendered_cars.photo import render_photo
from tools.rendered_cars.scene import draw_scene
from tools.rendered_cars.write import photo_seed

pytestmark = pytest.mark.slow

NAMES = [
    "한별_다온_2018", "가온_미르_2018", "도담_누리_2018", "아라솔_마루_2018",
    "Castel_Alda_2018", "Zephra_Corro_2018", "Ostra_Solin_2018", "Lumera_Petir_2018",
]  # fmt: skip
PHOTOS_PER_CLASS = 40
BLOCK = 10


@pytest.fixture(scope="module")
def photos():
    """Pictures [n, 100, 160, 3], masks of their cars, and labels [n]."""
    rendered = []
    for index, name in enumerate(NAMES):
        for number in range(PHOTOS_PER_CLASS):
            scene = draw_scene(np.random.default_rng(photo_seed(0, "train", index, number)))
            rendered.append(render_photo(appearance_of(name), replace(scene, fill=0.62)))
    pictures = np.array([np.asarray(photo.image, np.float32) for photo in rendered])
    masks = np.array([photo.car_mask > 0 for photo in rendered])
    return pictures, masks, np.repeat(np.arange(len(NAMES)), PHOTOS_PER_CLASS)


def block_means(values):
    """Means [n, blocks, channels] of square blocks of pictures [n, 100, 160, channels]."""
    n, height, width, channels = values.shape
    blocks = values.reshape(n, height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    return blocks.mean(axis=(2, 4)).reshape(n, -1, channels)


def features_outside(pictures, masks):
    """Colour, brightness and noise of the blocks that no car of the set comes near."""
    taken = binary_dilation(masks.any(axis=0), iterations=4).astype(np.float32)
    free = block_means(taken[None, :, :, None])[0, :, 0] == 0
    assert 0.3 < free.mean() < 0.7
    colours = block_means(pictures)[:, free]
    grain = block_means(np.abs(np.diff(pictures, axis=2, append=pictures[:, :, -1:])))[:, free]
    overall = np.quantile(colours, [0.1, 0.5, 0.9], axis=1).transpose(1, 0, 2)
    parts = [colours, overall, grain.mean(axis=1, keepdims=True)]
    return np.concatenate([part.reshape(len(pictures), -1) for part in parts], axis=1)


def chance_of_guessing(features, labels):
    """Share of random labellings that a cross-validated classifier tells at least as well.

    Test folds share their training photos, so right answers vary more than a binomial count.
    """
    # Made once and without labels, the components tell nothing about the classes.
    scaled = StandardScaler().fit_transform(features)
    components = PCA(16, whiten=True, random_state=0).fit_transform(scaled)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with threadpool_limits(1):  # Threads cost more than they save on so small a problem.
        *_, p_value = permutation_test_score(
            LogisticRegression(), components, labels, cv=folds, n_permutations=25, random_state=0
        )
    return p_value


def test_without_the_car_the_class_cannot_be_told(photos):
    pictures, masks, labels = photos

    assert chance_of_guessing(features_outside(pictures, masks), labels) > 0.05


def test_the_same_classifier_finds_a_leak(photos):
    pictures, masks, labels = photos
    leaking = pictures * (1 + 0.06 * labels[:, None, None, None])

    assert chance_of_guessing(features_outside(leaking, masks), labels) < 0.05


def test_with_the_car_the_class_can_be_told(photos):
    pictures, _, labels = photos
    blocks = block_means(pictures).reshape(len(labels), -1)

    assert chance_of_guessing(blocks, labels) < 0.05
