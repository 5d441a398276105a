"""A changed byte, a cut end or a lost file, in everything that a run keeps."""

import random
import shutil
from collections import Counter

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError
from runs import PROJECT, parameters_of, results_of

from chajong.datasets.local import LocalDataset
from chajong.datasets.optional import OptionalDataset

FOR_PEOPLE = {".csv", ".html", ".txt", ".png"}
"""Written, and never read by a run; so are charts."""


def flip(path, chosen):
    content = bytearray(path.read_bytes())
    content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
    path.write_bytes(content)


def cut(path, chosen):
    content = path.read_bytes()
    path.write_bytes(content[: chosen.randrange(len(content))])


def lose(path, _):
    path.unlink()


DAMAGES = (flip, cut, lose)


def parts_of(stored):
    """Give the files that are read of a stored dataset."""
    files = stored.rglob("*") if stored.is_dir() else [stored]
    return [path for path in files if path.is_file()]


@pytest.fixture(scope="module")
def stored(whole, raw):
    """Every stored dataset of a finished run, by name."""
    bootstrap_project(PROJECT)
    runtime = parameters_of(raw, whole, trained=True)
    with KedroSession.create(PROJECT, runtime_params=runtime) as session:
        catalog = session.load_context().catalog
        found = {}
        for name in [*catalog.keys(), *_of_members(("hog", "byob", "ensemble"))]:
            dataset = catalog.get(name)
            inner = dataset.wrapped if isinstance(dataset, OptionalDataset) else dataset
            if isinstance(inner, LocalDataset) and inner.exists():
                found[name] = inner
        yield found


def _of_members(members):
    parts = ("features", "predictions", "checkpoint", "metrics", "history", "head_search")
    return [f"{member}.{part}" for member in members for part in parts]


def test_everything_that_is_stored_is_looked_at(stored):
    assert {"photos", "folds", "photo_store", "hog.features", "byob.checkpoint"} <= set(stored)
    assert {"ensemble.saved", "ensemble.predictions", "ensemble.submission"} <= set(stored)
    assert len(stored) > 30


def test_damage_of_what_is_stored_is_told_with_the_file(stored, tries):
    chosen = random.Random(4)
    outcomes = Counter()
    for name, dataset in stored.items():
        for part in parts_of(dataset.stored):
            if part.suffix in FOR_PEOPLE or name.endswith("_chart"):
                continue
            kept = part.read_bytes()
            for damage in DAMAGES * tries:
                damage(part, chosen)
                if part.exists() and part.read_bytes() == kept:
                    continue
                if damage is lose and part == dataset.stored:
                    outcomes["absent"] += not dataset.exists()
                else:
                    with pytest.raises(DatasetError) as error:
                        dataset.load()
                    named = (part.name, f"in {dataset.stored}:") if damage is lose else (part.name,)
                    assert any(each in str(error.value) for each in named), str(error.value)
                    outcomes["named"] += 1
                part.write_bytes(kept)
        dataset.load()
    print(dict(outcomes))
    assert outcomes["named"] > 100 * tries


def test_damaged_scratch_is_made_again(runner, raw, copied, reference, tries):
    chosen = random.Random(5)
    scratch = copied / "02_intermediate" / "scratch"
    files = [path for path in sorted(scratch.rglob("*")) if path.is_file()]
    assert len(files) > 5
    for _ in range(tries):
        for path in chosen.sample(files, 3):
            if path.exists():
                chosen.choice(DAMAGES)(path, chosen)
        ended = runner.run(raw, copied, trained=True)
        assert ended["status"] == 0, ended["error"]
        assert results_of(copied) == reference


def test_a_run_says_what_is_damaged_before_it_begins(runner, raw, copied):
    flip(copied / "03_primary" / "photos.parquet", random.Random(6))
    ended = runner.run(raw, copied, pipelines=("ensembling",))
    assert ended["status"] == 1
    assert "photos.parquet is damaged" in ended["error"]
    assert "kedro run --pipelines data_processing" in ended["error"]
    shutil.rmtree(copied / "03_primary")
    ended = runner.run(raw, copied, pipelines=("ensembling",))
    assert "classes.parquet is not there yet" in ended["error"]
