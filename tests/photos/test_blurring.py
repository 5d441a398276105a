import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("cv2")

from chajong.photos.blurring import (
    BlurringError,
    blur_faces_and_plates,
    blurred_jpeg,
    find_faces_and_plates,
)
from chajong.photos.decode import UnreadablePhotoError, decode_photo


@pytest.fixture(scope="module")
def portrait():
    """A public photo of an astronaut, whose face is around column 225 and row 115."""
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="module")
def regions(portrait):
    return find_faces_and_plates(portrait)


@pytest.fixture(scope="module")
def blurred(portrait):
    before = portrait.copy()
    answer = blur_faces_and_plates(portrait)
    np.testing.assert_array_equal(portrait, before)  # The given photo is not changed.
    return answer


@pytest.fixture(scope="module")
def plate():
    """A plate between column 220 and 420, row 220 and 266, on grey."""
    picture = Image.new("RGB", (640, 480), (90, 90, 95))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((220, 220, 420, 266), fill="white", outline="black", width=3)
    draw.text((232, 222), "A 777 AA 77", fill="black", font=ImageFont.load_default(34))
    return np.asarray(picture)


@pytest.fixture(scope="module")
def empty():
    """A smooth road and sky."""
    return np.repeat(np.linspace(60, 220, 240).astype(np.uint8), 320 * 3).reshape(240, 320, 3)


def within(region, column, row):
    left, top, right, bottom = region
    return left <= column < right and top <= row < bottom


def jpeg_of(photo):
    file = BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_a_face_is_found(regions):
    assert any(within(region, 225, 115) for region in regions)


def test_a_blurred_face_is_found_no_more(blurred):
    assert not any(within(region, 225, 115) for region in find_faces_and_plates(blurred))


def test_a_blurred_face_keeps_a_few_coarse_cells_only(portrait, blurred):
    steps, before = (
        np.abs(np.diff(each[90:150, 190:260].astype(float), axis=1)).max()
        for each in (blurred, portrait)
    )
    assert steps < before / 8


def test_a_blurred_plate_has_no_letters(plate):
    within_plate = np.s_[226:260, 226:414]
    blurred = blur_faces_and_plates(plate)[within_plate].astype(int)
    assert np.ptp(plate[within_plate], axis=(0, 1)).max() == 255
    assert np.ptp(blurred, axis=(0, 1)).max() < 128
    assert np.abs(np.diff(blurred, axis=1)).max() < 10


def test_pixels_outside_the_regions_are_untouched(portrait, regions, blurred):
    outside = np.ones(portrait.shape[:2], bool)
    for left, top, right, bottom in regions:
        outside[top:bottom, left:right] = False
    assert outside.any()
    np.testing.assert_array_equal(blurred[outside], portrait[outside])


@pytest.mark.parametrize("size", [(1536, 1536), (200, 200)])
def test_a_face_is_found_in_large_and_small_photos(portrait, size):
    resized = np.asarray(Image.fromarray(portrait).resize(size))
    scale = size[0] / len(portrait)
    found = find_faces_and_plates(resized)
    assert any(within(region, 225 * scale, 115 * scale) for region in found)


def test_a_photo_without_any_stays_the_same_file(empty):
    file = jpeg_of(empty)
    assert blur_faces_and_plates(empty) is empty
    assert blurred_jpeg(file) == file


def test_a_photo_file_comes_back_as_a_blurred_jpeg(portrait, blurred):
    read = decode_photo(blurred_jpeg(jpeg_of(portrait)))
    assert read.shape == portrait.shape
    face = np.s_[90:150, 190:260]
    np.testing.assert_allclose(read[face].mean((0, 1)), blurred[face].mean((0, 1)), atol=3)
    assert np.abs(read[face].astype(int) - blurred[face]).mean() < 8


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (3000, 1, 3)])
def test_a_photo_of_any_shape_is_searched(shape):
    assert find_faces_and_plates(np.full(shape, 90, np.uint8)) == []


def test_threads_find_the_same(portrait, regions):
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(find_faces_and_plates, [portrait] * 2))
    assert found == [regions] * 2


def test_rubbish_is_refused():
    with pytest.raises(UnreadablePhotoError, match="not a JPEG"):
        blurred_jpeg(b"<svg/>")


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
def test_absent_cascades_name_what_to_install(portrait, monkeypatch, module):
    monkeypatch.setitem(sys.modules, "cv2", module)
    with ThreadPoolExecutor(1) as fresh:
        answer = fresh.submit(blur_faces_and_plates, portrait)
    with pytest.raises(BlurringError, match=r'pip install "chajong\[app\]"'):
        answer.result()
