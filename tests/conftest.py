"""Every test runs without a network and without telemetry."""

import gc
import importlib
import os
import weakref
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"

# A slow machine is no reason for a property to fail.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


SLOW = (
    "app/test_server.py",
    "benchmarks",
    "engine",
    "faults",
    "inference",
    "members/backbone",
    "members/cards",
    "members/clip",
    "members/heads",
    "members/hub",
    "members/kinds",
    "members/onnx",
    "members/vlm",
    "pipelines",
    "search",
    "tools",
    "training",
)
"""Tests that build models, train them or run the graph; `make test-fast` leaves them out."""


def pytest_collection_modifyitems(items):
    """Mark what the fast lane leaves out by where it lies."""
    tests = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(tests).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        if place == "pipelines/test_notebooks.py":
            item.add_marker(pytest.mark.notebook)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A small finished run, to be looked at and never changed."""
    from small_run import make_small_run

    return make_small_run(tmp_path_factory.mktemp("small_run"))


@pytest.fixture(scope="session")
def served(small_run):
    """The pool of the small run's members."""
    return small_run.served()


@pytest.fixture(scope="session")
def saved_ensemble(small_run, served, tmp_path_factory):
    """The folder of the small run's ensemble."""
    from chajong.inference.saved import write_ensemble

    folder = tmp_path_factory.mktemp("차종") / "ensemble"
    write_ensemble(small_run.ensemble(served), folder)
    return folder


@pytest.fixture(scope="session")
def classifier(saved_ensemble):
    """What answers about photos."""
    from chajong import CarClassifier

    return CarClassifier.load(saved_ensemble)


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


@pytest.fixture(scope="session")
def english_clip(tmp_path_factory):
    """The folder of a tiny CLIP with random weights whose tokenizer knows no Hangul."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from tools.small_clip import SmallClipParameters, make_small_clip

    sizes = {"embedding": 8, "text_width": 8, "text_layers": 1, "text_heads": 1, "context": 64}
    settings = SmallClipParameters(photo_model="test_byobnet", height=32, width=48, **sizes)
    folder = tmp_path_factory.mktemp("english")
    make_small_clip(["a car"], folder, settings)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789,-"
    words = ["<padding>", "<start>", "<end>", "<unknown>", *letters, *(f"##{x}" for x in letters)]
    numbered = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        unk_token="<unknown>",
        pad_token="<padding>",
        bos_token="<start>",
        eos_token="<end>",
    ).save_pretrained(folder)
    return folder


LIBRARIES = ("timm", "open_clip", "torchvision", "bitsandbytes", "peft", "transformers.trainer")
"""Their first import leaves cycles that hold whoever imports them, until these are collected."""


class Watched:
    """Lets models be built as usual, and knows which of them still are in memory."""

    def __init__(self):
        self.built = 0
        self._modules = []

    def __call__(self, build):
        """Build as `build` does, once all that was built before is gone."""

        def built(*given, **named):
            assert not self.in_memory()
            return self.watch(build(*given, **named))

        return built

    def watch(self, model):
        """Take note of a model without holding it."""
        self.built += 1
        self._modules += [weakref.ref(module) for module in model.modules()]
        return model

    def in_memory(self):
        """Name what of all models nobody has let go."""
        modules = (module() for module in self._modules)
        return {type(module).__name__ for module in modules if module is not None}


@pytest.fixture
def watched(monkeypatch):
    """Watch models while nothing but the counting of references frees them."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    monkeypatch.setattr(gc, "collect", lambda: 0)
    gc.disable()
    yield Watched()
    gc.enable()
