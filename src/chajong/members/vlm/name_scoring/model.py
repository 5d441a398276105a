"""A vision-language model with its processor: photos and prompts in, hidden states out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from chajong.members.vlm.name_scoring.errors import VisionLanguageError
from chajong.members.vlm.name_scoring.vocabulary import vocabulary_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

TREE_ATTENTION = ("sdpa", "eager")
"""Attention of transformers that takes any additive mask."""


@dataclass(frozen=True, eq=False)
class PreparedPrompts:
    """Photos and prompts as the processor gives them, with every token's position.

    Attributes:
        inputs: The network's inputs: `input_ids` and `attention_mask` [photos, tokens], pixels and
            what goes with them.
        positions: int64 [photos, tokens], or [3, photos, tokens] where time, height and width turn
            separately (mRoPE; Qwen2-VL, arXiv 2409.12191, section 2.1). 0 at padding.
    """

    inputs: dict[str, Tensor]
    positions: Tensor

    @property
    def mask(self) -> Tensor:
        """Which tokens are no padding, bool [photos, tokens]; it may be on either side."""
        return self.inputs["attention_mask"].bool()

    @property
    def last(self) -> Tensor:
        """Where each prompt's last token is, int64 [photos]."""
        places = torch.arange(self.mask.shape[1], device=self.mask.device)
        return (places * self.mask).amax(dim=1)

    @property
    def next_positions(self) -> Tensor:
        """The position of an answer's first token, int64 [photos]."""
        furthest = self.positions.amax(dim=-1)
        return (furthest.amax(dim=0) if furthest.ndim == 2 else furthest) + 1

    def positions_after(self, depths: Tensor) -> Tensor:
        """Place tokens of an answer.

        Args:
            depths: int64 [photos, tokens], 0 for the first token of an answer.

        Returns:
            Positions in the layout of `positions`.
        """
        placed = self.next_positions[:, None] + depths
        return placed.expand(3, -1, -1) if self.positions.ndim == 3 else placed


@dataclass(frozen=True, eq=False)
class Prefix:
    """Prompts that have been read, for any number of candidate sets.

    Attributes:
        prompts: What was read.
        states: [photos, hidden], the last hidden state of each prompt's last token.
        layers: For each decoder layer the keys and values [photos, heads, tokens, width].
    """

    prompts: PreparedPrompts
    states: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]

    def cache(self) -> Any:
        """Return a cache of transformers that starts with the prompts; growing it copies."""
        from transformers import DynamicCache

        return DynamicCache(self.layers)


class VisionLanguageModel:
    """A decoder of transformers that reads photos, with its processor.

    The network may be any `ForConditionalGeneration` whose cache and masks are the usual ones:
    Qwen2-VL, Qwen2.5-VL, LLaVA. Its processor decides on which side prompts are padded.
    """

    def __init__(self, network: Any, processor: Any) -> None:
        """Join a network and its processor.

        Args:
            network: The network; of a peft model, what `get_base_model()` returns.
            processor: Its processor, with a chat template.

        Raises:
            VisionLanguageError: The network's attention takes no mask of our own, or it is wrapped.
        """
        if hasattr(network, "get_base_model"):
            message = (
                f"{type(network).__name__} wraps the network. Give what its `get_base_model()` "
                "returns: the adapters are inside it."
            )
            raise VisionLanguageError(message)
        attention = network.config.get_text_config()._attn_implementation
        if attention not in TREE_ATTENTION:
            message = (
                f"Attention {attention!r} takes no tree mask. Load the model with "
                f"attn_implementation={TREE_ATTENTION[0]!r}."
            )
            raise VisionLanguageError(message)
        self.network = network
        self.processor = processor
        self._spelled: dict[str, tuple[int, ...]] = {}

    def name_tokens(self, name: str) -> tuple[int, ...]:
        """Spell a candidate's name, with the token that ends an answer.

        Raises:
            VisionLanguageError: The name is empty.
        """
        if not name:
            raise VisionLanguageError("A candidate's name is empty: leave it out.")
        if name not in self._spelled:
            tokenizer = self.processor.tokenizer
            tokens = tokenizer(name, add_special_tokens=False).input_ids
            self._spelled[name] = (*tokens, tokenizer.eos_token_id)
        return self._spelled[name]

    def prepare(self, photos: Sequence[np.ndarray], prompts: Sequence[str]) -> PreparedPrompts:
        """Turn photos and prompts into one batch of the network's inputs.

        Args:
            photos: RGB uint8 [height, width, 3], of any shape.
            prompts: What is asked about each photo; the chat template goes around it.

        Raises:
            VisionLanguageError: There is not one prompt a photo.
        """
        if len(photos) != len(prompts) or not prompts:
            message = f"{len(photos)} photos and {len(prompts)} prompts: give one prompt a photo."
            raise VisionLanguageError(message)
        texts = [self._dialogue(prompt) for prompt in prompts]
        encoded = self.processor(text=texts, images=list(photos), padding=True, return_tensors="pt")
        inputs = {name: value.to(self.network.device) for name, value in encoded.items()}
        return PreparedPrompts(inputs, self._positions(inputs))

    def last_states(self, prompts: PreparedPrompts) -> Tensor:
        """Run the network without keeping a cache.

        Returns:
            [photos, hidden], the last hidden state of each prompt's last token, with a gradient.
        """
        output = self._run(prompts, use_cache=False)
        return _at(output.last_hidden_state, prompts.last)

    def read(self, prompts: PreparedPrompts) -> Prefix:
        """Run the network and keep its keys and values."""
        output = self._run(prompts, use_cache=True)
        layers = tuple((layer.keys, layer.values) for layer in output.past_key_values.layers)
        return Prefix(prompts, _at(output.last_hidden_state, prompts.last), layers)

    def read_after(
        self, prompts: PreparedPrompts, cache: Any, tokens: Tensor, depths: Tensor, visible: Tensor
    ) -> Tensor:
        """Run the network on tokens of answers; their keys and values are added to the cache.

        Args:
            prompts: The prompts that the cache starts with.
            cache: From `Prefix.cache`.
            tokens: int64 [photos, tokens].
            depths: int64 [photos, tokens], how far behind the prompt each token is.
            visible: bool [photos, tokens, cached tokens behind the prompt + tokens].

        Returns:
            [photos, tokens, hidden].
        """
        before = prompts.mask[:, None].expand(-1, tokens.shape[1], -1)
        output = self.network.base_model(
            input_ids=tokens,
            attention_mask=self._additive(torch.cat([before, visible], dim=2)),
            position_ids=prompts.positions_after(depths),
            past_key_values=cache,
            use_cache=True,
        )
        states: Tensor = output.last_hidden_state
        return states

    def read_together(
        self, prompts: PreparedPrompts, tokens: Tensor, depths: Tensor, visible: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run the network on prompts and tokens of answers at once, so that gradients reach all.

        Args:
            prompts: The prompts.
            tokens: int64 [photos, tokens].
            depths: int64 [photos, tokens], how far behind the prompt each token is.
            visible: bool [photos, tokens, tokens].

        Returns:
            The states of the prompts' last tokens [photos, hidden] and of the tokens
            [photos, tokens, hidden].
        """
        inputs, length = dict(prompts.inputs), prompts.mask.shape[1]
        inputs["input_ids"] = torch.cat([inputs["input_ids"], tokens], dim=1)
        if "mm_token_type_ids" in inputs:
            kinds = inputs["mm_token_type_ids"]
            inputs["mm_token_type_ids"] = torch.cat([kinds, torch.zeros_like(tokens)], dim=1)
        inputs["attention_mask"] = self._additive(_joint_mask(prompts.mask, visible))
        after = prompts.positions_after(depths)
        positions = torch.cat([prompts.positions, after], dim=-1)
        output = self.network.base_model(**inputs, position_ids=positions, use_cache=False)
        states = output.last_hidden_state
        return _at(states, prompts.last), states[:, length:]

    def logits(self, states: Tensor) -> Tensor:
        """Score every token of the vocabulary.

        Args:
            states: [..., hidden].

        Returns:
            [..., vocabulary], in float32 at least.
        """
        return vocabulary_logits(self.network.get_output_embeddings(), states)

    def _dialogue(self, prompt: str) -> str:
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        messages = [{"role": "user", "content": content}]
        text: str = self.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return text

    def _positions(self, inputs: dict[str, Tensor]) -> Tensor:
        """Place the prompts' tokens; without token types Qwen would silently put them in a row."""
        mask = inputs["attention_mask"]
        place: Any = getattr(self.network.base_model, "get_rope_index", None)
        if place is None:
            return (mask.cumsum(dim=1) - 1).clamp(min=0)
        positions: Tensor = place(
            inputs["input_ids"],
            mm_token_type_ids=inputs["mm_token_type_ids"],
            image_grid_thw=inputs["image_grid_thw"],
            attention_mask=mask,
        )[0]
        return positions

    def _run(self, prompts: PreparedPrompts, *, use_cache: bool) -> Any:
        return self.network.base_model(
            **prompts.inputs, position_ids=prompts.positions, use_cache=use_cache
        )

    def _additive(self, visible: Tensor) -> Tensor:
        """Make a mask [photos, 1, queries, keys] to add; eager attention would add a bool too."""
        dtype = self.network.get_input_embeddings().weight.dtype
        hidden = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
        return hidden.masked_fill_(~visible, torch.finfo(dtype).min)[:, None]


def _at(states: Tensor, places: Tensor) -> Tensor:
    return states[torch.arange(len(places), device=places.device), places]


def _joint_mask(prompt: Tensor, visible: Tensor) -> Tensor:
    """Let prompts see what is before them, and answers the prompt and what `visible` says.

    Padding sees itself, because attention to nothing is not a number.
    """
    photos, length = prompt.shape
    square = torch.ones(length, length, dtype=torch.bool, device=prompt.device)
    above = (prompt[:, None] & square.tril()) | torch.eye(length, device=prompt.device).bool()
    blind = torch.zeros(photos, length, visible.shape[1], dtype=torch.bool, device=prompt.device)
    before = prompt[:, None].expand(-1, visible.shape[1], -1)
    return torch.cat([torch.cat([above, blind], dim=2), torch.cat([before, visible], dim=2)], dim=1)
