"""Learning rates that fall from the last layer to the first."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from chajong.training.parameters import TrainingParameters


def parameter_groups(
    model: torch.nn.Module, depths: dict[str, int | None], parameters: TrainingParameters
) -> list[dict[str, Any]]:
    """Group a model's trainable parameters by learning rate and weight decay.

    The last pretrained layer learns at the full rate, each layer before it at `layer_decay` times
    that of the next. Biases, normalisation weights and other vectors are not decayed. Source:
    Clark et al., ELECTRA (ICLR 2020), appendix; Bao et al., BEiT (ICLR 2022), section 3.2.

    Args:
        model: The model.
        depths: From `PhotoClassifier.layer_depths`.
        parameters: Rates and decays.

    Returns:
        Groups as torch's optimisers take them.
    """
    last = max((depth for depth in depths.values() if depth is not None), default=0)
    groups: defaultdict[tuple[float, float], list[torch.nn.Parameter]] = defaultdict(list)
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            depth = depths[name]
            rate = (
                parameters.head_learning_rate
                if depth is None
                else parameters.learning_rate * parameters.layer_decay ** (last - depth)
            )
            groups[rate, parameters.weight_decay if weight.ndim > 1 else 0.0].append(weight)
    return [
        {"params": weights, "lr": rate, "weight_decay": decay}
        for (rate, decay), weights in groups.items()
    ]
