"""The last layer of a classifier, computed for the one position that its head reads."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from bertkit.engine import varlen_attention
from bertkit.engine.layers.attention import attend
from bertkit.engine.packing import Packing

# Where the families keep the norm that comes before the attention, those that have one.
NORMS = ("LayerNorm", "ln", "self_attn_layer_norm")
LIKE_BERT = {
    "bert",
    "camembert",
    "data2vec-text",
    "electra",
    "ernie",
    "megatron-bert",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
}
Mask = torch.Tensor | None


def use_first_position(network: Any) -> None:
    """Let the last layer of a sequence classifier answer at its first position only; keys and values stay complete.

    What the head reads is the same; the other positions' queries, outputs and feed-forward rows are not computed.
    Families whose layers are shared or read by their neighbours are left as they are.

    Args:
        network: A model of an `AutoModelForSequenceClassification` class.
    """
    family, body = network.config.model_type, network.base_model
    if family in LIKE_BERT:
        layer = body.encoder.layer[-1].attention
        layer.forward = partial(_attend_like_bert, layer)
    elif family == "mpnet":
        layer = body.encoder.layer[-1].attention
        layer.forward = partial(_attend_like_mpnet, layer)
    elif family == "distilbert":
        block = body.transformer.layer[-1]
        block.forward = partial(_distilbert_block, block)


def _attend_like_bert(
    layer: Any, states: torch.Tensor, attention_mask: Mask = None, packing: Packing | None = None, **_: Any
) -> tuple[Any, None]:
    norm = next((getattr(layer, name) for name in NORMS if hasattr(layer, name)), None)
    normed = states if norm is None else norm(states)
    own = layer.self
    query = own.query(_first(normed, packing))
    found = _attend(own, query, own.key(normed), own.value(normed), attention_mask, packing)
    return layer.output(found, _first(states, packing)), None


def _attend_like_mpnet(
    layer: Any, states: torch.Tensor, attention_mask: Mask = None, *, position_bias: torch.Tensor, **_: Any
) -> tuple[Any]:
    own, first = layer.attn, states[:, :1]
    seen = position_bias if attention_mask is None else attention_mask + position_bias
    found = own.o(_attend(own, own.q(first), own.k(states), own.v(states), seen))
    return (layer.LayerNorm(layer.dropout(found) + first),)


def _distilbert_block(
    block: Any, states: torch.Tensor, attention_mask: Mask = None, packing: Packing | None = None, **_: Any
) -> torch.Tensor:
    own, first = block.attention, _first(states, packing)
    found = _attend(own, own.q_lin(first), own.k_lin(states), own.v_lin(states), attention_mask, packing)
    attended = block.sa_layer_norm(own.out_lin(found) + first)
    answer: torch.Tensor = block.output_layer_norm(block.ffn(attended) + attended)
    return answer


def _first(states: torch.Tensor, packing: Packing | None) -> torch.Tensor:
    """Return the first position of each window: (windows, 1, hidden), or (1, windows, hidden) of a flattened batch."""
    return states[:, :1] if packing is None else packing.first(states)


def _attend(
    own: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Mask, packing: Packing | None = None
) -> torch.Tensor:
    """Return what the queries find, in their shape."""
    width, dropout = own.attention_head_size, own.dropout.p if own.training else 0.0
    query, key, value = (part.unflatten(-1, (-1, width)).transpose(1, 2) for part in (query, key, value))
    if packing is None:
        found = attend(query, key, value, None if mask is None else mask[..., :1, :], dropout).transpose(1, 2)
    else:
        found, _ = varlen_attention.attend(own, query, key, value, None, dropout=dropout, packing=packing)
    return found.flatten(2)
