import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from chajong.photos.blurred_store import BlurredStore

pytest.importorskip("cv2")


def test_faces_are_blurred_when_a_photo_is_read_and_the_store_stays():
    from skimage.data import astronaut

    file = io.BytesIO()
    Image.fromarray(astronaut()).save(file, "JPEG", quality=95)
    table = pa.table({"sha256": ["a"], "jpeg": pa.array([file.getvalue()], pa.large_binary())})
    store = BlurredStore(table.replace_schema_metadata({"preparation": "test"}))
    shown = np.asarray(Image.open(io.BytesIO(store.jpeg("a"))), np.int16)
    changed = np.abs(shown - astronaut()).max(axis=2) > 60
    assert changed[50:200, 150:300].any()
    assert changed.mean() < 0.3
    assert store.table.column("jpeg")[0].as_py() == file.getvalue()
