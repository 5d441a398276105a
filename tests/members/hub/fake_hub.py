"""A hub's cache, as downloads leave it, filled from folders: any number of commits, no network.

Source of the layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

import json
from hashlib import sha1, sha256
from pathlib import Path

import torch
from safetensors.torch import save_file

FORMATS = ("safetensors", "sharded safetensors", "bin", "sharded bin")
"""How a repository may hold its weights."""


class FakeHub:
    """Repositories of models in a cache folder of huggingface_hub.

    Attributes:
        cache: The folder.
    """

    def __init__(self, cache):
        self.cache = cache
        self._commits = 0

    def publish(self, repository, folder, branch="main"):
        """Commit a folder's files, and let a branch point there.

        Files are blobs by their content, and snapshots link to them.

        Returns:
            The commit, 40 hexadecimal digits.
        """
        home = self._home(repository)
        files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        commit = self._next_commit(repository)
        snapshot = home / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (home / "blobs").mkdir(exist_ok=True)
        for path, content in files.items():
            blob = home / "blobs" / sha256(content).hexdigest()
            blob.write_bytes(content)
            link = snapshot / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            ups = ".." + "/.." * len(link.relative_to(home / "snapshots").parents[:-1])
            link.symlink_to(f"{ups}/blobs/{blob.name}")
        self.point(repository, branch, commit)
        return commit

    def point(self, repository, branch, commit):
        """Let a branch point to a commit."""
        reference = self._home(repository) / "refs" / branch
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit)

    def commit(self, repository, revision):
        """Say which commit a branch points to, or a commit is; None where there is none."""
        reference = self._home(repository) / "refs" / revision
        if reference.is_file():
            return reference.read_text()
        return revision if self.snapshot(repository, revision).is_dir() else None

    def snapshot(self, repository, commit):
        """Give a commit's folder."""
        return self._home(repository) / "snapshots" / commit

    def use(self, monkeypatch):
        """Make this the cache that every library looks into; it is read when they are imported."""
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(self.cache))
        monkeypatch.setenv("HF_HUB_CACHE", str(self.cache))

    def _home(self, repository):
        return self.cache / f"models--{repository.replace('/', '--')}"

    def _next_commit(self, repository):
        self._commits += 1
        return sha1(f"{repository} {self._commits}".encode()).hexdigest()


def write_weights(folder, tensors, form="safetensors", stem=None, first=None):
    """Write weights in one of `FORMATS`, under the names that transformers gives its files.

    Args:
        folder: Where to write.
        tensors: By name.
        form: Which format.
        stem: The file's name without its ending, ``model`` or ``pytorch_model`` where not given.
        first: Names of the tensors in the first of two shards; half of them where not given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ending = form.split()[-1]
    stem = stem or {"safetensors": "model", "bin": "pytorch_model"}[ending]
    if not form.startswith("sharded"):
        _save(tensors, folder / f"{stem}.{ending}")
        return
    first = first or sorted(tensors)[: len(tensors) // 2]
    shards = [first, [name for name in tensors if name not in first]]
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05}-of-{len(shards):05}.{ending}"
        _save({name: tensors[name] for name in shard}, folder / file)
        weight_map |= dict.fromkeys(shard, file)
    size = sum(tensor.nbytes for tensor in tensors.values())
    write_json(
        folder / f"{stem}.{ending}.index.json",
        {"metadata": {"total_size": size}, "weight_map": weight_map},
    )


def write_json(path: Path, content):
    """Write a file of JSON, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def _save(tensors, path):
    whole = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    if path.suffix == ".safetensors":
        save_file(whole, path, metadata={"format": "pt"})
    else:
        torch.save(whole, path)
