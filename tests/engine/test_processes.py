"""Two processes of this machine: what they compute is what one computes."""

import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import psutil
import pytest
import tiny_classifier
import torch
from tiny_classifier import SETTINGS, build_tiny, labelled_photos

from chajong.engine import HERE, Engine, EngineError, processes, side_by_side, spread
from chajong.training.fold_training import train_folds
from chajong.training.parameters import TrainingParameters


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    # Workers cannot import tests by their names.
    for module in (sys.modules[__name__], tiny_classifier):
        cloudpickle.register_pickle_by_value(module)


def where_it_ran(share):
    return share, os.getpid(), Path.cwd(), os.environ["OMP_NUM_THREADS"]


def when_both_are_there(folder, share):
    """Wait for the other process, which may still be starting."""
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return where_it_ran(share)


def test_every_share_comes_back_from_both_processes(two_threads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    make = partial(partial, when_both_are_there, tmp_path / "there")
    results = dict(spread(HERE, make, range(6)))
    assert [results[place][0] for place in range(6)] == list(range(6))
    processes = {process for _, process, *_ in results.values()}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {(folder, threads) for *_, folder, threads in results.values()} == {(tmp_path, "1")}


@pytest.mark.parametrize(("engine", "shares"), [(Engine(cpus=2), 4), (HERE, 1)])
def test_there_is_no_other_process_where_there_is_no_room_or_no_need(two_threads, engine, shares):
    assert not side_by_side(engine, shares)
    assert {pid for _, (_, pid, *_) in spread(engine, lambda: where_it_ran, range(shares))} == {
        os.getpid()
    }


def test_there_are_no_more_processes_than_fit_into_memory(two_threads, monkeypatch):
    monkeypatch.setattr(processes, "WORKER_BYTES", psutil.virtual_memory().total)
    assert not side_by_side(HERE, 4)


def test_nothing_is_made_for_no_shares():
    assert not list(spread(HERE, lambda: pytest.fail("was made"), []))


def counting_maker(folder):
    (folder / f"made by {os.getpid()} {len(list(folder.iterdir()))}").touch()
    return where_it_ran


def test_a_process_makes_its_tool_once_for_each_work(two_threads, tmp_path):
    for works in (1, 2):
        results = dict(spread(HERE, partial(counting_maker, tmp_path), range(8)))
        assert len(results) == 8
        assert works <= len(list(tmp_path.iterdir())) <= 2 * works


def die_of(share):
    return os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_an_error_in_words_and_the_next_work_has_others(two_threads):
    with pytest.raises(EngineError, match=r"was killed.*engine\.cpus=2"):
        dict(spread(HERE, partial(partial, die_of), range(2)))
    assert len(dict(spread(HERE, partial(partial, where_it_ran), range(2)))) == 2


def refuse(share):
    raise LookupError(f"차종 {share}")


def test_what_a_share_raises_is_raised_here(two_threads):
    with pytest.raises(LookupError, match=r"^차종"):
        dict(spread(HERE, partial(partial, refuse), range(2)))


def log(share):
    logging.getLogger("chajong.somewhere").info("%s is done", share)
    logging.getLogger("chajong.somewhere").debug("not for people")


def test_what_a_share_logs_is_logged_here(two_threads, caplog):
    caplog.set_level(logging.INFO, "chajong")
    dict(spread(HERE, partial(partial, log), range(3)))
    told = [record.getMessage() for record in caplog.records]
    assert sorted(told) == ["0 is done", "1 is done", "2 is done"]


def test_folds_that_are_trained_side_by_side_are_those_of_one_process(two_threads, tmp_path):
    photos = labelled_photos(tmp_path)
    folds = pd.DataFrame(
        {
            "photo_id": photos.photo_ids,
            "group": np.arange(len(photos)),
            "fold": np.arange(len(photos)) % 2,
            "label_counts": True,
        }
    )
    given = (lambda _: build_tiny, photos, folds, TrainingParameters(**SETTINGS))
    alone = train_folds(*given, tmp_path / "alone", "차종", Engine(cpus=2))
    together = train_folds(*given, tmp_path / "together", "차종")
    assert list(together) == list(alone) == [0, 1]
    for fold, model in alone.items():
        torch.testing.assert_close(together[fold].weights, model.weights)
        assert (tmp_path / "together" / f"fold_{fold}" / "photos_seen.txt").exists()
