"""The vision tower of Qwen-VL-Chat, written from the paper and the published configuration.

Source: Bai et al., Qwen-VL: A Versatile Vision-Language Model (2023, arXiv 2308.12966), and the
``visual`` part of ``Qwen/Qwen-VL-Chat``'s configuration: a ViT-bigG whose patches of 14 pixels are
read by 256 queries. The published code needs libraries of its time and would have to be run as
remote code. Names are those of the published weights below ``transformer.visual.``. Shapes and
names are tested; it has not run on the real weights.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch.nn import functional

from chajong.encoders.encoder import EncoderError
from chajong.encoders.image_model import ImageModel
from chajong.encoders.published import model_files
from chajong.encoders.sharded_weights import assign_weights
from chajong.encoders.vlm_towers import pooled, read_parts

if TYPE_CHECKING:
    from chajong.encoders.parameters import PooledFeatures, QwenVlChatParameters

PARTS = {"": ("transformer.visual.",)}

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, which the tower's weights started from."""

POSITIONS = 256
"""Learnt positions: the 16 x 16 patches of the 224 pixels that training began with."""

HEAD_WIDTH = 128
"""Features of a head of the resampler."""

EPSILON = 1e-6


class QwenVlChatSizes(BaseModel):
    """Sizes of the tower, by their names in the published configuration.

    Attributes:
        image_size: Height and width of a photo in pixels.
        patch_size: Side of a patch in pixels.
        width: Features of a patch.
        layers: Blocks.
        heads: Attention heads of a block.
        mlp_ratio: Hidden features of a block's perceptron over `width`.
        output_dim: Features of a query, a multiple of 128.
        n_queries: Queries of the resampler, a square number.
    """

    model_config = ConfigDict(frozen=True)

    image_size: int = Field(448, ge=1)
    patch_size: int = Field(14, ge=1)
    width: int = Field(1664, ge=1)
    layers: int = Field(48, ge=1)
    heads: int = Field(16, ge=1)
    mlp_ratio: float = Field(4.9231, gt=0)
    output_dim: int = Field(4096, ge=HEAD_WIDTH, multiple_of=HEAD_WIDTH)
    n_queries: int = Field(256, ge=1)


class Attention(torch.nn.Module):
    """Self-attention whose queries, keys and values lie together head by head."""

    def __init__(self, width: int, heads: int) -> None:
        """Make both projections."""
        super().__init__()
        self.in_proj = torch.nn.Linear(width, 3 * width)
        self.out_proj = torch.nn.Linear(width, width)
        self._heads = heads

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Mix patches [n, patches, width]."""
        # Not all queries first: each head has its query, its key and its value in a row.
        by_head = self.in_proj(patches).unflatten(-1, (self._heads, -1)).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(*by_head.chunk(3, dim=-1))
        projected: torch.Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return projected


class Perceptron(torch.nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        """Make both layers."""
        super().__init__()
        self.c_fc = torch.nn.Linear(width, hidden)
        self.c_proj = torch.nn.Linear(hidden, width)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Transform patches [..., width] one by one."""
        transformed: torch.Tensor = self.c_proj(functional.gelu(self.c_fc(patches)))
        return transformed


class Block(torch.nn.Module):
    """A block of the transformer, normalised before each half."""

    def __init__(self, sizes: QwenVlChatSizes) -> None:
        """Make both halves."""
        super().__init__()
        self.ln_1 = torch.nn.LayerNorm(sizes.width, eps=EPSILON)
        self.attn = Attention(sizes.width, sizes.heads)
        self.ln_2 = torch.nn.LayerNorm(sizes.width, eps=EPSILON)
        self.mlp = Perceptron(sizes.width, int(sizes.width * sizes.mlp_ratio))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Transform patches [n, patches, width]."""
        patches = patches + self.attn(self.ln_1(patches))
        transformed: torch.Tensor = patches + self.mlp(self.ln_2(patches))
        return transformed


class Transformer(torch.nn.Module):
    """The blocks, one after another."""

    def __init__(self, sizes: QwenVlChatSizes) -> None:
        """Make the blocks."""
        super().__init__()
        self.resblocks = torch.nn.ModuleList([Block(sizes) for _ in range(sizes.layers)])

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Transform patches [n, patches, width]."""
        for block in self.resblocks:
            patches = block(patches)
        return patches


class Resampler(torch.nn.Module):
    """Learnt queries that read the patches by one cross-attention.

    Queries and patches carry the positions of a grid each; the queries' grid is stretched to that
    of the patches.
    """

    def __init__(self, sizes: QwenVlChatSizes) -> None:
        """Make the queries, their positions and the attention."""
        super().__init__()
        width, count = sizes.output_dim, sizes.n_queries
        self.pos_embed = torch.nn.Parameter(
            grid_positions(width, math.isqrt(count)), requires_grad=False
        )
        self.query = torch.nn.Parameter(torch.randn(count, width) * 0.02)
        self.kv_proj = torch.nn.Linear(sizes.width, width, bias=False)
        self.attn = torch.nn.MultiheadAttention(width, width // HEAD_WIDTH, batch_first=True)
        self.ln_q = torch.nn.LayerNorm(width, eps=EPSILON)
        self.ln_kv = torch.nn.LayerNorm(width, eps=EPSILON)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Read patches [n, patches, width], giving [n, queries, output_dim]."""
        values = self.ln_kv(self.kv_proj(patches))
        keys = values + stretch_positions(self.pos_embed, patches.shape[1])
        queries = (self.ln_q(self.query) + self.pos_embed).expand(len(patches), -1, -1)
        read: torch.Tensor = self.attn(queries, keys, values, need_weights=False)[0]
        return read


class QwenVlChatTower(torch.nn.Module):
    """The whole tower, from normalised photos to one vector each."""

    def __init__(self, sizes: QwenVlChatSizes, features: PooledFeatures) -> None:
        """Build the tower.

        Args:
            sizes: Its sizes.
            features: Which output is averaged.
        """
        super().__init__()
        patch, width = sizes.patch_size, sizes.width
        self.conv1 = torch.nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.positional_embedding = torch.nn.Parameter(torch.randn(POSITIONS, width) * width**-0.5)
        self.ln_pre = torch.nn.LayerNorm(width, eps=EPSILON)
        self.transformer = Transformer(sizes)
        self.attn_pool = Resampler(sizes)
        self.ln_post = torch.nn.LayerNorm(sizes.output_dim, eps=EPSILON)
        self.proj = torch.nn.Parameter(
            torch.randn(sizes.output_dim, sizes.output_dim) * sizes.output_dim**-0.5
        )
        self._features: PooledFeatures = features

    def forward(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, side, side] as [n, features]."""
        patches = self.encode_patches(photos)
        return pooled(patches, self.encode_queries(patches), self._features)

    def encode_patches(self, photos: torch.Tensor) -> torch.Tensor:
        """Encode normalised photos [n, 3, side, side] as [n, patches, width]."""
        patches = self.conv1(photos).flatten(2).transpose(1, 2)
        placed = patches + stretch_positions(self.positional_embedding, patches.shape[1])
        encoded: torch.Tensor = self.transformer(self.ln_pre(placed))
        return encoded

    def encode_queries(self, patches: torch.Tensor) -> torch.Tensor:
        """Turn patches [n, patches, width] into what the language model reads."""
        tokens: torch.Tensor = self.ln_post(self.attn_pool(patches)) @ self.proj
        return tokens


def stretch_positions(positions: torch.Tensor, count: int) -> torch.Tensor:
    """Interpolate the positions of a square grid to another square grid, bicubically.

    Args:
        positions: [side * side, width].
        count: Positions wanted, a square number.

    Returns:
        [count, width].
    """
    side, wanted = math.isqrt(len(positions)), math.isqrt(count)
    if side == wanted:
        return positions
    image = positions.float().unflatten(0, (side, side)).permute(2, 0, 1).unsqueeze(0)
    stretched = functional.interpolate(image, size=(wanted, wanted), mode="bicubic")
    return stretched[0].permute(1, 2, 0).flatten(0, 1).to(positions.dtype)


def grid_positions(width: int, side: int) -> torch.Tensor:
    """Describe the places of a square grid by sines and cosines.

    The first half of the features tells the column and the second the row, as in the masked
    autoencoder (He et al. 2022), where the resampler has them from.

    Args:
        width: Features, a multiple of four.
        side: Places of a row.

    Returns:
        float32 [side * side, width].
    """
    frequencies = 10000 ** -(torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    columns = line.expand(side, side, -1)
    rows = line[:, None].expand(side, side, -1)
    return torch.cat([columns, rows], dim=-1).flatten(0, 1).contiguous()


def load_qwen_vl_chat_tower(parameters: QwenVlChatParameters) -> ImageModel:
    """Build the tower and read its tensors, and no others.

    Args:
        parameters: Which weights, and what is averaged.

    Returns:
        The tower on the best device there is, in the precision of a model of wide range.

    Raises:
        EncoderError: The configuration describes no such tower, or the weights are absent or do not
            fit.
    """
    sizes = read_sizes(parameters)
    with torch.device("meta"):
        network = QwenVlChatTower(sizes, parameters.features)
    assign_weights(network, read_parts(parameters, PARTS), parameters.model)
    return ImageModel(network, sizes.image_size, sizes.image_size, MEAN, STD)


def read_sizes(parameters: QwenVlChatParameters) -> QwenVlChatSizes:
    """Read the tower's sizes from the model's configuration.

    Raises:
        EncoderError: There is no configuration, or it describes no such tower.
    """
    path = model_files(parameters).fetch("config.json")
    try:
        return QwenVlChatSizes.model_validate(json.loads(path.read_text())["visual"])
    except (ValidationError, ValueError, KeyError) as error:
        message = (
            f"{path} does not describe a vision tower of Qwen-VL-Chat under `visual` ({error!r}). "
            "Set `model` to Qwen/Qwen-VL-Chat, or `weights` to a copy of it."
        )
        raise EncoderError(message) from error
