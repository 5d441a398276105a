"""Two machines of a Ray cluster, both of them this one: what they compute is what one computes."""

import os
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_classifier
import torch
from tiny_classifier import SETTINGS, build_tiny, labelled_photos

from chajong.encoders import extraction
from chajong.encoders.building import encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.extraction import features_of_photos
from chajong.encoders.parameters import PretrainedParameters
from chajong.engine import Engine, EngineError, cluster, spread
from chajong.inference import classifier as classifier_module
from chajong.photos.sources import find_photos
from chajong.photos.store import PhotoStore
from chajong.training.fold_training import train_folds
from chajong.training.parameters import TrainingParameters

CLUSTER = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # loopback addresses only
    "RAY_worker_niceness": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # other tests may fill this machine's memory
}
NODE = {
    "num_cpus": 1,
    "object_store_memory": 100 << 20,
    "include_dashboard": False,
    "include_log_monitor": False,
    "node_ip_address": "127.0.0.1",
}


def add_node(cluster):
    """Ray gives a node 15 seconds to start, which a machine full of tests may not."""
    for _ in range(3):
        try:
            return cluster.add_node(**NODE)
        except Exception as error:
            late = error
    raise late


@pytest.fixture(scope="module")
def ray_engine():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CLUSTER.items():
            patch.setenv(name, value)
        ray = pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        for _ in range(2):
            add_node(cluster)
        # Workers cannot import tests by their names.
        for module in (sys.modules[__name__], tiny_classifier):
            ray.cloudpickle.register_pickle_by_value(module)
        yield Engine(kind="ray", address=cluster.address)
        ray.shutdown()
        cluster.shutdown()


def where_it_ran(share):
    import ray

    return share, ray.get_runtime_context().get_node_id(), os.getpid(), Path.cwd()


def when_both_are_there(folder, share):
    """Wait for the other machine, whose worker may still be starting."""
    result = where_it_ran(share)
    (folder / result[1]).touch()
    deadline = time.monotonic() + 120
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


def test_every_share_comes_back_from_both_machines(ray_engine, tmp_path):
    make = partial(partial, when_both_are_there, tmp_path)
    results = dict(spread(ray_engine, make, range(20)))
    assert [results[place][0] for place in range(20)] == list(range(20))
    assert len({machine for _, machine, *_ in results.values()}) == 2
    assert {folder for *_, folder in results.values()} == {Path.cwd()}


def counting_maker(folder):
    (folder / f"made by {os.getpid()} {len(list(folder.iterdir()))}").touch()
    return where_it_ran


def test_a_worker_makes_its_tool_once(ray_engine, tmp_path):
    results = dict(spread(ray_engine, partial(counting_maker, tmp_path), range(20)))
    assert len(list(tmp_path.iterdir())) == len({worker for _, _, worker, _ in results.values()})


def die_once(folder, compute, share):
    """Kill the worker the first time, in the middle of its work."""
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return compute(share)
    compute(share)
    return os.kill(os.getpid(), signal.SIGKILL)


def dying_maker(make, folder, *given):
    return partial(die_once, folder, make(*given))


def test_a_killed_worker_costs_a_retry_and_no_share(ray_engine, tmp_path):
    make = partial(dying_maker, partial(partial, where_it_ran), tmp_path)
    results = dict(spread(ray_engine, make, range(10)))
    assert sorted(results) == list(range(10))
    assert (tmp_path / "died").exists()


def always_die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_die_again_and_again_are_an_error_in_words(ray_engine, monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 1)
    with pytest.raises(EngineError, match="lost with its worker 2 times"):
        dict(spread(ray_engine, partial(partial, always_die), range(1)))


def test_a_share_that_no_machine_has_room_for_is_an_error_at_once(ray_engine):
    large = ray_engine.model_copy(update={"cpus": 2})
    with pytest.raises(EngineError, match=r"No machine .* has 2 processor cores.*engine\.cpus"):
        next(spread(large, partial(partial, where_it_ran), range(1)))


def refuse(share):
    raise EncoderError(f"차종 {share}")


def test_what_a_share_raises_is_raised_here(ray_engine):
    with pytest.raises(EncoderError, match=r"^차종 0$"):
        dict(spread(ray_engine, partial(partial, refuse), [0]))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(extraction, "SHARD_PHOTOS", 8)
    monkeypatch.setattr(classifier_module, "PHOTOS_AT_ONCE", 8)


ENCODER = PretrainedParameters(
    library="timm", model="test_byobnet", weights="random", batch_size=8, image_size=32
)


def extracted(small_run, folder, **named):
    key = encoder_key(ENCODER)
    return features_of_photos(small_run.photos, small_run.store, key, folder, ENCODER, **named)


def test_features_are_those_of_one_machine_and_share_its_cache(
    ray_engine, small_run, small_shards, tmp_path, monkeypatch
):
    local, _ = extracted(small_run, tmp_path / "local")
    dying = partial(dying_maker, extraction.share_encoder, tmp_path)
    monkeypatch.setattr(extraction, "share_encoder", dying)
    spread_out, report = extracted(small_run, tmp_path / "ray", engine=ray_engine)
    assert (tmp_path / "died").exists()
    assert report["photos_encoded_now"] == len(small_run.store) > 100
    np.testing.assert_array_equal(spread_out.matrix, local.matrix)
    assert spread_out.photo_ids == local.photo_ids
    # Nothing is left for the other engine, in either cache.
    _, again = extracted(small_run, tmp_path / "ray")
    _, resumed = extracted(small_run, tmp_path / "local", engine=ray_engine)
    assert again["photos_encoded_now"] == resumed["photos_encoded_now"] == 0


def test_a_machine_that_would_make_other_features_is_refused(ray_engine, small_run, tmp_path):
    with pytest.raises(EncoderError, match="would make other features of test_byobnet"):
        features_of_photos(
            small_run.photos, small_run.store, "another key", tmp_path, ENCODER, ray_engine
        )


def folds_of(photos):
    return pd.DataFrame(
        {
            "photo_id": photos.photo_ids,
            "group": np.arange(len(photos)),
            "fold": np.arange(len(photos)) % 2,
            "label_counts": True,
        }
    )


def test_trained_folds_are_those_of_one_machine(ray_engine, tmp_path, monkeypatch):
    photos = labelled_photos(tmp_path)
    given = (lambda _: build_tiny, photos, folds_of(photos), TrainingParameters(**SETTINGS))
    local = train_folds(*given, tmp_path / "local", "차종")
    trained_here = []
    monkeypatch.setattr("chajong.training.engine.train_here", trained_here.append)
    spread_out = train_folds(*given, tmp_path / "ray", "차종", ray_engine)
    assert not trained_here
    assert list(spread_out) == list(local) == [0, 1]
    for fold, model in local.items():
        torch.testing.assert_close(spread_out[fold].weights, model.weights, rtol=0, atol=0)


def test_answers_are_those_of_one_machine(ray_engine, classifier, small_run, small_shards):
    sources = find_photos(small_run.raw / "test")
    local = classifier.answer(sources)
    spread_out = classifier.answer(sources, engine=ray_engine)
    pd.testing.assert_frame_equal(spread_out.rows, local.rows)
    np.testing.assert_array_equal(spread_out.log_probabilities, local.log_probabilities)


def test_one_parameter_says_where_a_run_is_computed(ray_engine, small_run, run_hog, tmp_path):
    raw = {"raw_dir": str(small_run.raw)}
    names = ("data_processing", "feature_extraction")
    run_hog(tmp_path / "here", *names, **raw)
    shares = []

    def counted(photos):
        shares.append(len(photos))
        return photos

    with pytest.MonkeyPatch.context() as patch:
        only = PhotoStore.only
        patch.setattr(PhotoStore, "only", lambda *given: counted(only(*given)))
        run_hog(tmp_path / "there", *names, **raw, engine=ray_engine.model_dump())
    assert sum(shares) == len(small_run.store)
    here, there = (
        pd.read_parquet(tmp_path / place / "07_model_output" / "hog" / "predictions.parquet")
        for place in ("here", "there")
    )
    pd.testing.assert_frame_equal(there, here, check_exact=True)


def test_a_cluster_that_is_not_there_is_an_error_at_once(ray_engine, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        nowhere = Engine(kind="ray", address=f"127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(EngineError, match=r"no Ray cluster at 127\.0\.0\.1:.*ray start --head"):
            next(spread(nowhere, partial(partial, where_it_ran), range(1)))
