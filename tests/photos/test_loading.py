import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chajong.photos.loading import BATCHES_AHEAD, load_ahead


@given(st.lists(st.integers()), st.integers(1, 5))
def test_batches_are_the_items_in_order(keys, batch_size):
    batches = list(load_ahead(keys, lambda key: key * 2, batch_size))
    assert [item for batch in batches for item in batch] == [key * 2 for key in keys]
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_items_are_loaded_before_they_are_asked_for():
    loaded = threading.Semaphore(0)

    def load(key):
        loaded.release()
        return key

    batches = load_ahead(range(100), load, 2)
    next(batches)
    for _ in range(2 * BATCHES_AHEAD):
        assert loaded.acquire(timeout=5)


def test_no_more_is_loaded_than_the_window_holds():
    started = []
    batches = load_ahead(range(1000), lambda key: started.append(key) or key, 2)
    next(batches)
    time.sleep(0.2)
    assert len(started) <= 2 * (BATCHES_AHEAD + 1)
    batches.close()


def test_an_error_reaches_the_consumer():
    def load(key):
        raise ValueError(f"photo {key}")

    with pytest.raises(ValueError, match="photo 0"):
        list(load_ahead(range(3), load, 2))
