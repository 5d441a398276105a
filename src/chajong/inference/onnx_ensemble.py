"""What of a saved ensemble can be exported to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from chajong.ensembling.pools.pool import LOGARITHMIC
from chajong.members.onnx.export import WholeExport, export_whole
from chajong.members.registry import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from chajong.inference.ensemble import Ensemble
    from chajong.members.onnx.graphs import MemberGraph

WHOLE = "ensemble"
"""The folder of the ensemble's one file, beside the members'; no member can have this name."""


def export_members(ensemble: Ensemble, folder: Path) -> pd.DataFrame:
    """Export every member that can be, each into a folder of its name.

    Heads go with their encoder where its library is timm or open_clip. CLIP's comparison with
    training photos and vision-language models are not exported. Where every member with weight
    can be asked by photos alone, the whole ensemble is exported as one file, too.

    Args:
        ensemble: The saved ensemble.
        folder: Where the members' folders are made.

    Returns:
        One row a file: `member`, `file`, `largest_difference` to torch, `bytes` and `seconds`.

    Raises:
        FileExistsError: A member's folder holds something else than an earlier export.
        OnnxExportError: ONNX is not installed, or a file does not agree with torch.
    """
    tables = []
    for member, checkpoint in ensemble.checkpoints.items():
        exported = kind_of(member, checkpoint).export_onnx(checkpoint, folder / member)
        if exported is not None:
            tables.append(exported.assign(member=member))
    whole = export_ensemble(ensemble, folder / WHOLE)
    if whole is not None:
        tables.append(whole.assign(member=WHOLE))
    return pd.concat(tables, ignore_index=True)


def export_ensemble(ensemble: Ensemble, folder: Path) -> pd.DataFrame | None:
    """Export members, pool, temperatures and floor as one file; photos in, answers out.

    The file is checked against the pool that answers about new photos.

    Args:
        ensemble: The saved ensemble.
        folder: Receives `ensemble.onnx` and `labels.json`.

    Returns:
        One row as `export_members` gives them; None where a member with weight cannot be asked by
        photos alone, by ONNX.

    Raises:
        OnnxExportError: ONNX is not installed, or the file does not agree.
    """
    members: dict[str, MemberGraph] = {}
    for member in ensemble.asked:
        checkpoint = ensemble.checkpoints[member]
        graph = kind_of(member, checkpoint).onnx_graph(checkpoint)
        if graph is None:
            return None
        members[member] = graph.eval()
    graphs = list(members.values())

    def answer(photos: tuple[Tensor, ...]) -> np.ndarray:
        with torch.inference_mode():
            said = [graph(each).numpy() for graph, each in zip(graphs, photos, strict=True)]
        return ensemble.pooled(said)

    inputs = {member: graph.preparation for member, graph in members.items()}
    names = ensemble.classes.sort_values("effective_id")["effective_class"].drop_duplicates()
    export = WholeExport(inputs, tuple(names), answer)
    return export_whole(EnsembleGraph(graphs, ensemble), export, folder)


class EnsembleGraph(torch.nn.Module):
    """Members, pool, temperature, floor and temperatures inside families, as a trace follows them.

    See `Pool` and `FamilyTemperatures`, which compute the same by NumPy.
    """

    def __init__(self, members: list[MemberGraph], ensemble: Ensemble) -> None:
        """Take the members with weight, and the rest of the ensemble."""
        super().__init__()
        self._members = torch.nn.ModuleList(members)
        self._weights = [weight for weight in ensemble.pool.weights if weight > 0]
        self._pool = ensemble.pool
        self._families = ensemble.families

    def forward(self, photos: tuple[Tensor, ...]) -> Tensor:
        """Turn photos, one tensor a member, into log-probabilities [n, classes]."""
        said = [member(each).double() for member, each in zip(self._members, photos, strict=True)]
        tempered = torch.log_softmax(self._combined(said) / self._pool.temperature, dim=1)
        if self._pool.floor:
            uniform = self._pool.floor / tempered.shape[1]
            tempered = ((1 - self._pool.floor) * tempered.exp() + uniform).log()
        fitted = zip(self._families.families, self._families.temperatures, strict=True)
        for family, temperature in fitted:
            tempered = _shared_anew(tempered, family, temperature)
        return tempered.float()

    def _combined(self, said: list[Tensor]) -> Tensor:
        logarithmic = self._pool.method in LOGARITHMIC
        weighed = [
            weight * (each if logarithmic else each.exp())
            for weight, each in zip(self._weights, said, strict=True)
        ]
        total = torch.stack(weighed).sum(0)
        scores = total if logarithmic else total.clamp_min(np.finfo(np.float64).tiny).log()
        return torch.log_softmax(scores, dim=1)


def _shared_anew(answers: Tensor, family: tuple[int, ...], temperature: float) -> Tensor:
    """Share a family's mass among its classes anew; see `move_inside_family`."""
    own = answers[:, list(family)]
    mass = own.logsumexp(1, keepdim=True)
    least = answers.amin(1, keepdim=True) - mass
    floor = (len(family) * least.exp()).clamp_max(1.0)
    inside = ((own - mass) / temperature).softmax(1)
    shared = mass + ((1 - floor) * inside + floor / len(family)).log()
    # Columns are taken from both in an order that a graph knows, in place of writing into one.
    places = list(range(answers.shape[1]))
    for place, column in enumerate(family):
        places[column] = answers.shape[1] + place
    return torch.cat([answers, shared], dim=1)[:, places]
