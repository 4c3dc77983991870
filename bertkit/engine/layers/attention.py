"""Attention with dropout on a CPU, where torch's own draws each number of the mask by itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from bertkit.engine.layers import dropout as cheap

NAME = "bertkit"


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **further: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attend as the attention functions of transformers do, with cheap dropout masks in training.

    Args:
        module: The layer.
        query: Shape (windows, heads, queries, width).
        key: Shape (windows, heads, keys, width).
        value: The same.
        attention_mask: Which keys each query sees, broadcast to (windows, heads, queries, keys), or None.
        dropout: Probability that a query loses sight of a key.
        scaling: Of the scores; 1 / sqrt(width) by default.
        further: What other attention functions of transformers take.

    Returns:
        What each query finds, shape (windows, queries, heads, width), and None for the weights.
    """
    if not dropout or query.device.type != "cpu" or further.get("position_bias") is not None:
        found: tuple[torch.Tensor, torch.Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **further
        )
        return found
    scores = (query * (scaling or query.size(-1) ** -0.5)) @ key.transpose(-1, -2)
    if attention_mask is not None:
        blind = attention_mask.dtype == torch.bool
        scores = scores.masked_fill(~attention_mask, float("-inf")) if blind else scores + attention_mask
    weights = scores.softmax(-1)
    weights = weights * cheap.mask(weights.shape, dropout)
    return (weights @ value).transpose(1, 2).contiguous(), None


def use_cheap_attention(network: Any) -> None:
    """Let a model that attends through torch's own function use this one instead."""
    if network.config._attn_implementation == "sdpa":
        network.set_attn_implementation(NAME)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
