"""Attention over windows that lie one after another: each token sees its own window alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bertkit.engine.packing import Block, Packing

if TYPE_CHECKING:
    from torch import Tensor

NAME = "varlen_attention"
WIDEST_HEAD = 128


def register() -> None:
    """Make this attention known to transformers under NAME, beside the masks that padded batches need."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, mask)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend within each window of a flattened batch; without a packing, as the "sdpa" of transformers does.

    An attention function as transformers.AttentionInterface takes them.

    Args:
        module: The attention layer that asks.
        query: Shape (1, heads, tokens, head dimension), or of the first token of each window alone.
        key: Shape (1, heads, tokens, head dimension).
        value: The same shape.
        attention_mask: Of a padded batch.
        dropout: Share of the attention weights that are dropped.
        scaling: Of the scores before the softmax; None is 1 / sqrt(head dimension).
        packing: Where the windows lie.
        sliding_window: One more than how far a token sees to either side, as in transformers; None is without end.
        others: What else the layer passes on.

    Returns:
        What each query found, shape (1, queries, heads, head dimension), and no weights.
    """
    if packing is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return found
    reach = None if sliding_window is None else sliding_window - 1
    # The kernel would take a lone query for the last token of its window, and look around that.
    lone = query.shape[2] != key.shape[2] and reach is not None
    attention = flash if has_flash(query) and not lone else padded
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    return attention(query, key, value, packing, dropout=dropout, scaling=scaling, reach=reach)[None], None


def mask(*, batch_size: int, attention_mask: Tensor | None = None, **others: Any) -> Tensor | None:
    """Return the mask that "sdpa" would get, and none for a flattened batch.

    A flattened batch is one row of tokens, but its attention_mask is that of the padded batch, which the head may need.
    """
    from transformers.masking_utils import sdpa_mask

    if attention_mask is not None and len(attention_mask) != batch_size:
        return None
    made: Tensor | None = sdpa_mask(batch_size=batch_size, attention_mask=attention_mask, **others)
    return made


def has_flash(query: Tensor) -> bool:
    """Tell whether the kernel of `flash` takes such queries: half precision, on a GPU of NVIDIA from Ampere on."""
    import torch

    return (
        query.is_cuda
        and query.dtype in (torch.float16, torch.bfloat16)
        and query.shape[-1] % 8 == 0
        and query.shape[-1] <= WIDEST_HEAD
        and torch.version.cuda is not None
        and torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    reach: int | None = None,
) -> Tensor:
    """Attend by the kernel of FlashAttention-2 that takes sequences of any lengths (Dao 2023).

    This is the operator under torch.nn.attention.varlen.varlen_attn and under scaled_dot_product_attention of jagged
    tensors: the one has no dropout, with which most families are trained, and the other no sliding window.

    Args:
        query: Shape (tokens, heads, head dimension), or (windows, ...) for the first token of each; float16 or
            bfloat16, on a GPU.
        key: Shape (tokens, heads, head dimension).
        value: The same.
        packing: Where the windows lie.
        dropout: Share of the attention weights that are dropped.
        scaling: Of the scores before the softmax; None is 1 / sqrt(head dimension).
        reach: How many tokens a token sees to either side, where all ask; None is all of its window.
    """
    import torch

    starts, longest = packing.cu_seq_lens, packing.mask.shape[1]
    asking, most = starts, longest
    if len(query) != len(key):
        asking, most = torch.arange(len(starts), dtype=starts.dtype, device=starts.device), 1
    outputs: tuple[Tensor, ...] = torch.ops.aten._flash_attention_forward(
        query, key, value, asking, starts, most, longest, dropout, False, False,
        scale=scaling, window_size_left=reach, window_size_right=reach,
    )  # fmt: skip
    return outputs[0]


def padded(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    reach: int | None = None,
) -> Tensor:
    """Attend on every device and in every precision: padded for the attention alone, and unpadded after it.

    Args:
        query: Shape (tokens, heads, head dimension), or (windows, ...) for the first token of each.
        key: Shape (tokens, heads, head dimension).
        value: The same.
        packing: Where the windows lie.
        dropout: Share of the attention weights that are dropped.
        scaling: Of the scores before the softmax; None is 1 / sqrt(head dimension).
        reach: How many tokens a token sees to either side; None is all of its window.
    """
    import torch

    from bertkit.engine.layers.attention import attend as attend_padded

    whole = len(query) == len(key)
    found = []
    for block in packing.divided:
        asking = block.pad(query[block.tokens]) if whole else query[block.windows, None]
        states = [asking, block.pad(key[block.tokens]), block.pad(value[block.tokens])]
        asking, asked, told = (rows.transpose(1, 2) for rows in states)
        answers = attend_padded(asking, asked, told, _seen(block, reach, asking.shape[2]), dropout, scaling)
        found.append(block.unpad(answers.transpose(1, 2)) if whole else answers[:, :, 0])
    return torch.cat(found)


def _seen(block: Block, reach: int | None, queries: int) -> Tensor | None:
    """Return which keys each query of a block sees, which asks for so many places of each window."""
    import torch

    if reach is None:
        return None if block.is_even else block.mask[:, None, None, :]
    positions = torch.arange(block.mask.shape[1], device=block.mask.device)
    distance = (positions[:queries, None] - positions).abs()
    # Padding sees itself: a row that sees nothing has no softmax, and its gradient could spread.
    return (block.mask[:, None, None, :] & (distance <= reach)) | (distance == 0)
