"""Names under a vision-language model in one pass, against one pass a name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.name_scoring import PROMPT, tiny_model
from benchmarks.one_pass_per_name import OnePassPerName
from benchmarks.peers.comparison import Comparison
from chajong.members.vlm.name_scoring.names import NamesInOnePass
from chajong.names.challenge import challenge_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch

    from chajong.members.vlm.name_scoring.scoring import CandidateScorer

NAMES = 40
SIZE = (84, 112, 3)


def comparisons(scratch: Path) -> Iterator[Comparison]:
    """Score a photo's names with a tiny Qwen2.5-VL.

    Args:
        scratch: For the model.

    Yields:
        One comparison.
    """
    model = tiny_model(scratch / "vlm")
    photo = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    yield Comparison(
        job=f"{NAMES} names by a vision-language model",
        peer="one pass a name",
        work=1,
        unit="photos",
        ours=partial(scores, NamesInOnePass(model), photo),
        theirs=partial(scores, OnePassPerName(model), photo),
        agreement=lambda ours, theirs: f"within {(ours - theirs).abs().max().item():.0e} nats",
    )


def scores(scorer: CandidateScorer, photo: np.ndarray) -> torch.Tensor:
    """Give the names' log-likelihoods, [1, names]."""
    import torch

    with torch.inference_mode():
        return scorer.log_likelihoods([photo], [PROMPT], [challenge_names()[:NAMES]])
