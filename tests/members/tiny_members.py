"""A tiny member of every kind, and runs of members through their own steps."""

import shutil
from pathlib import Path

from kedro.io import DataCatalog, MemoryDataset

from chajong.engine import HERE
from chajong.graph import TABLES, members_pipeline
from chajong.members.clip.prompts import class_prompts
from chajong.members.configuration import completed_blocks, merged, read_members
from chajong.members.vlm.templates import ENGLISH
from chajong.runner import QuickStepsFirst
from chajong.unchanged import NOTES
from tools.small_clip import SmallClipParameters, make_small_clip
from tools.tiny_vlm import make_tiny_qwen

SMALL_CLIP = SmallClipParameters(
    photo_model="test_byobnet",
    height=32,
    width=32,
    embedding=16,
    text_width=16,
    text_layers=1,
    text_heads=2,
    vocabulary=600,
    context=200,
)
TRAINING = {
    "epochs": 2,
    "batch_size": 5,
    "learning_rate": 3e-3,
    "head_learning_rate": 1e-2,
    "save_every": 2,
    "mixing": {"cutmix": 0, "mixup": 0},
    "augmentation": {"rotation": 0, "crop_area": [0.9, 1], "half_crop": 0},
}
HOG = {"library": "hog", "width": 48, "height": 32}


def make_clip(folder, classes, seed=0):
    """Write a tiny CLIP that reads the sentences about classes."""
    prompts = class_prompts(classes).in_languages(("korean", "english"))
    sentences = [text for texts in prompts for text in texts]
    make_small_clip(sentences, folder, SMALL_CLIP.model_copy(update={"seed": seed}))


def make_weights(folder, classes):
    """Write the models that tiny members start from."""
    make_clip(folder / "clip", classes)
    names = classes["effective_class"].unique().tolist()
    make_tiny_qwen(folder / "qwen", [ENGLISH.with_hints, ENGLISH.without_hints, *names])


def tiny_blocks(weights):
    """Describe a team with a member of every kind.

    Args:
        weights: The folder that `make_weights` wrote to.
    """
    clip = {
        "library": "open_clip",
        "model": f"local-dir:{weights / 'clip'}",
        "weights": str(weights / "clip"),
        "wise_ft_alphas": [0.5],
    }
    backbone = {"model": "test_byobnet", "weights": "random", "image_size": 32}
    return {
        "shared": {kind: {"training": TRAINING} for kind in ("clip", "backbone", "fusion", "vlm")}
        | {
            kind: {"heads": {"kinds": ["prototypes"], "shrinkages": [0.3]}}
            for kind in ("frozen", "concat")
        },
        "hog": {"kind": "frozen", "encoder": HOG | {"cell": 16}},
        "byobnet": {
            "kind": "frozen",
            "encoder": {"library": "timm", "zoom": [1.0], **backbone},
            "heads": {"kinds": ["logistic_regression", "prototypes"], "pulls": [0.001]},
        },
        "joined": {"kind": "concat", "encoders": ["hog", "byobnet"]},
        "by_names": {"kind": "zero_shot", "model": clip},
        "clip": {"kind": "clip", "model": clip},
        "backbone": {"kind": "backbone", "model": backbone},
        "fusion": {"kind": "fusion", "start": "backbone"},
        "qwen": {
            "kind": "vlm",
            "hints": {"member": "by_names", "count": 1},
            "model": {
                "model": "tiny_qwen",
                "weights": f"{weights / 'qwen'}/",
                "max_pixels": 56 * 56,
                "aspect_ratio": 1,
                "candidates": 3,
                "objective": "class_head",
            },
            "training": {"epochs": 6, "head_learning_rate": 3e-2, "gradient_checkpointing": False},
        },
    }


CATALOG = {
    "{member}.features": {"type": "chajong.datasets.FeaturesDataset"},
    "{member}.predictions": {"type": "chajong.datasets.PredictionsDataset"},
    "{member}.checkpoint": {"type": "chajong.datasets.CheckpointDataset"},
    "{member}.metrics": {"type": "chajong.datasets.JSONDataset"},
    "{member}.extraction": {"type": "chajong.datasets.JSONDataset"},
    "{member}.head_search": {"type": "chajong.datasets.ParquetDataset"},
    "{member}.car_likeness": {"type": "chajong.datasets.ParquetDataset"},
    "{member}.history": {"type": "chajong.datasets.ParquetDataset"},
    "{member}.scratch": {"type": "chajong.datasets.ScratchDataset"},
    NOTES: {"type": "chajong.datasets.JSONDataset"},
}
"""What is kept on disk; the rest is handed on in memory."""


class Table(MemoryDataset):
    """A table of the run, told from others by what photos show and who knows their labels."""

    def __init__(self, value, content):
        super().__init__(value, copy_mode="assign")
        self._content = content

    def content(self):
        return self._content


def catalog_of(folder):
    """Make a catalog that keeps each member's datasets in a folder of its own."""
    kept = {
        name: {**dataset, "filepath": f"{folder}/{name.replace('.', '/')}"}
        for name, dataset in CATALOG.items()
    }
    in_memory = {"type": "MemoryDataset", "copy_mode": "assign"}
    return DataCatalog.from_config({**kept, "{member}.{dataset}": in_memory})


class Run:
    """Runs members, each once and after those that it builds on.

    Attributes:
        members: The members by name.
        catalog: What they read and leave.
    """

    def __init__(self, blocks, tables, folder):
        """Read the configuration; nothing runs yet."""
        self.members = {each.name: each for each in read_members(completed_blocks(blocks))}
        self.tables = tables
        self.catalog = catalog_of(folder)
        self._blocks, self._folder = blocks, Path(folder)
        self._finished = set()
        for table, value in zip(
            TABLES, (tables.photos, tables.classes, tables.folds, tables.store), strict=True
        ):
            self.catalog[table] = Table(value, tables.contract)
        self.catalog["params:engine"] = MemoryDataset(HERE, copy_mode="assign")
        for name, member in self.members.items():
            self.catalog[f"params:{name}"] = MemoryDataset(member.parameters, copy_mode="assign")

    def finish(self, name):
        """Run a member and what it builds on, where they have not run."""
        if name in self._finished:
            return
        member = self.members[name]
        for reference in member.references.values():
            self.finish(reference.member)
        QuickStepsFirst().run(members_pipeline((member,), member.kind.pipeline), self.catalog)
        self._finished.add(name)

    def load(self, name, dataset):
        """Give what a member leaves on disk."""
        self.finish(name)
        return self.catalog.load(f"{name}.{dataset}")

    def give(self, name, **datasets):
        """Put datasets in the place of those that a member would leave."""
        for dataset, value in datasets.items():
            self.catalog.save(f"{name}.{dataset}", value)
        self._finished.add(name)

    def again(self, name):
        """Return the run as it is before a member runs once more, over what it left."""
        other = Run(self._blocks, self.tables, self._folder)
        other._finished = self._finished - {name}
        return other

    def before(self, name, folder, tables=None, **changes):
        """Return the run as it is before a member runs, in another folder.

        Args:
            name: The member.
            folder: Receives copies of what other members left.
            tables: Other tables.
            changes: What is changed in the member's block.
        """
        blocks = self._blocks | {name: merged(self._blocks[name], changes)}
        other = Run(blocks, tables or self.tables, folder)
        for reference in self.members[name].references.values():
            self.finish(reference.member)
            shutil.copytree(self._folder / reference.member, folder / reference.member)
            other._finished.add(reference.member)
        return other


MEMBERS = {name: block["kind"] for name, block in tiny_blocks(Path()).items() if name != "shared"}
"""Kinds by the names of the tiny members."""
