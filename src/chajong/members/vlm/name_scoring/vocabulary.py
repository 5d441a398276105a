"""Scores of every token of the vocabulary, in float32 whatever the head's weights are kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

TOKENS_AT_ONCE = 16_384
"""Rows of a head that are widened to float32 at once: 0.2 GB of a 7B model's 2.2 GB."""


def vocabulary_logits(head: torch.nn.Linear, states: Tensor) -> Tensor:
    """Multiply states with a head, in float32 at least and outside of any autocast.

    Between 16 and 32 neighbouring numbers of bfloat16 are 0.125 apart: a product that is rounded
    to it moves the log-likelihood of a name, a sum over its tokens, by tenths.

    Args:
        head: A linear layer with one row a token.
        states: [..., hidden].

    Returns:
        [..., vocabulary], with a gradient to the states and to what of the head is trained.
    """
    with torch.autocast(states.device.type, enabled=False):
        if torch.finfo(head.weight.dtype).bits >= torch.finfo(torch.float32).bits:
            logits: Tensor = head(states.to(head.weight.dtype))
            return logits
        product: Tensor = _WidenedProduct.apply(states, head.weight)
        return product if head.bias is None else product + head.bias.float()


class _WidenedProduct(torch.autograd.Function):
    """`states @ weight.T` in float32, without ever holding all of the weight in float32."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor) -> Tensor:
        """Multiply states [..., hidden] with weights [tokens, hidden]."""
        ctx.save_for_backward(states, weight)
        wide = states.float()
        product = wide.new_empty(*states.shape[:-1], len(weight))
        for tokens in _parts(weight):
            product[..., tokens] = wide @ weight[tokens].float().T
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients of both factors, each where it is asked for."""
        states, weight = ctx.saved_tensors
        (gradient,) = gradients
        of_states, of_weight = None, None
        with torch.autocast(states.device.type, enabled=False):
            if ctx.needs_input_grad[0]:
                of_states = torch.zeros_like(states, dtype=torch.float32)
                for tokens in _parts(weight):
                    of_states += gradient[..., tokens] @ weight[tokens].float()
                of_states = of_states.to(states.dtype)
            if ctx.needs_input_grad[1]:
                rows = gradient.flatten(0, -2)
                of_weight = (rows.T @ states.float().flatten(0, -2)).to(weight.dtype)
        return of_states, of_weight


def _parts(weight: Tensor) -> Iterator[slice]:
    for first in range(0, len(weight), TOKENS_AT_ONCE):
        yield slice(first, first + TOKENS_AT_ONCE)
