"""The list-wise loss: training on what log loss measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from chajong.members.vlm.name_scoring.candidates import pack_tries, spell_candidates
from chajong.members.vlm.name_scoring.trie import build_trie

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from chajong.members.vlm.name_scoring.model import PreparedPrompts, VisionLanguageModel


def trie_log_likelihoods(
    model: VisionLanguageModel, prompts: PreparedPrompts, candidates: Sequence[Sequence[str]]
) -> Tensor:
    """Score names in one pass over prompts and names, so that gradients reach every weight.

    Nothing is cached, which gradient checkpointing needs. Memory grows with the number of nodes
    of the trie: a node has a logit for each token of the vocabulary.

    Args:
        model: The model.
        prompts: From `VisionLanguageModel.prepare`.
        candidates: One list of names a photo, all of one length.

    Returns:
        [photos, candidates], natural logarithms.

    Raises:
        VisionLanguageError: The candidates do not fit the photos, or a name is twice in a list.
    """
    spelled = spell_candidates(candidates, model.name_tokens, len(prompts.mask))
    packed = pack_tries([build_trie(tokens) for tokens in spelled.lists])
    tries = packed.of_photos(spelled.chosen, prompts.mask.device)
    last, states = model.read_together(
        prompts, tries.inner_tokens, tries.inner_depths, tries.visible
    )
    return tries.log_likelihoods(model.logits(torch.cat([last[:, None], states], dim=1)))


def listwise_loss(log_likelihoods: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy over the candidates' log-likelihoods.

    This is the log loss of the candidates' probabilities. Source: ListNet with one relevant entry
    (Cao et al., Learning to Rank, ICML 2007).

    Args:
        log_likelihoods: [photos, candidates], not normalised over the candidates.
        labels: int64 [photos], which candidate is right.

    Returns:
        The mean over photos.
    """
    return torch.nn.functional.cross_entropy(log_likelihoods, labels)
