"""Attention whose dropout is cheap on a CPU, where torch's own draws each number of the mask by itself."""

from __future__ import annotations

import torch
from torch.nn import functional

from bertkit.engine.layers import dropout as cheap


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
) -> torch.Tensor:
    """Return what each query finds, shape (windows, heads, queries, width).

    Args:
        query: Shape (windows, heads, queries, width).
        key: Shape (windows, heads, keys, width).
        value: The same.
        mask: Which keys each query sees (bool), or what is added to its scores; broadcast to (windows, heads, queries,
            keys).
        dropout: Probability that a query loses sight of a key.
        scaling: Of the scores; None is 1 / sqrt(width).
    """
    if not dropout or query.device.type != "cpu":
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
        )
    scores = (query * (scaling or query.size(-1) ** -0.5)) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    weights = scores.softmax(-1)
    return (weights * cheap.mask(weights.shape, dropout)) @ value
