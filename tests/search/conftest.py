"""An index of a small run's photos."""

import pytest


@pytest.fixture(scope="session")
def photo_index(small_run):
    from chajong.search.photo_index import build_photo_index
    from chajong.search.vector_index import IndexParameters

    made_by = small_run.checkpoints["clip_frozen"].configuration["made_by"]
    return build_photo_index(
        small_run.features["clip_frozen"],
        small_run.tables,
        small_run.store,
        made_by["encoder"],
        IndexParameters(),
        thumbnail_side=96,
    )


@pytest.fixture(scope="session")
def queries(photo_index):
    from chajong.search.query import QueryEncoder

    return QueryEncoder(photo_index)
