"""Flattened batches: windows one after another in a single row, so that no layer computes padding."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bertkit.adapters._encoder import Window
from bertkit.engine import varlen_attention
from bertkit.engine.family import POSITIONS_AFTER_PADDING
from bertkit.engine.packing import Packing
from bertkit.errors import ModelError

# Where the families keep the module whose output the head, or the pooler before it, reads.
STACKS = ("encoder", "transformer", "final_norm")


def supports(model: Any) -> bool:
    """Tell whether a model computes the same for windows in a row as for padded ones.

    It must leave attention to transformers' AttentionInterface, take the positions of tokens, and let tokens meet in
    attention alone: MobileBERT also reads the neighbours of each token.

    Args:
        model: With its head; as `engine.model` gives it.
    """
    network = _unwrapped(model)
    return (
        network.is_backend_compatible()
        and "position_ids" in inspect.signature(type(network).forward).parameters
        and _stack(network) is not None
        and not getattr(network.config, "is_decoder", False)
        and not getattr(network.config, "trigram_input", False)
    )


def flatten(
    windows: Sequence[Window], accepted: Collection[str], blocks: Sequence[int] | None = None
) -> dict[str, np.ndarray]:
    """Return windows as the inputs of `forward`.

    input_ids, token_type_ids and position_ids have shape (1, tokens) and count positions from 0 in each window.
    attention_mask is that of the padded batch, shape (windows, longest window). All are int64. cu_seq_lens, places and
    blocks are those of `Packing`.

    Args:
        windows: Any number, of any lengths.
        accepted: Names of the inputs that the model takes.
        blocks: Where blocks of similar length start, and at last the number of windows; None is one block.
    """
    sizes = np.array([window.input_ids.size for window in windows])
    mask = np.arange(sizes.max()) < sizes[:, None]
    inputs = {
        "input_ids": np.concatenate([window.input_ids for window in windows])[None],
        "token_type_ids": np.concatenate([window.segment_ids for window in windows])[None],
        "position_ids": np.nonzero(mask)[1][None],
        "attention_mask": mask,
    }
    return {
        **{name: values.astype(np.int64) for name, values in inputs.items() if name in accepted},
        "cu_seq_lens": np.concatenate([[0], sizes.cumsum()]).astype(np.int32),
        "places": np.flatnonzero(mask),
        "blocks": np.array([0, len(windows)] if blocks is None else blocks, np.int64),
    }


def forward(model: Any, **inputs: Any) -> Any:
    """Return what the model answers to windows, flattened or padded: the same outputs in the same shapes.

    Only the head sees padding, as zeros; the layers below it compute none.

    Args:
        model: One that `supports` names, where the batch is flattened.
        inputs: From `flatten` or `engine.batches.pad`, as tensors on the model's device.

    Raises:
        ModelError: The batch is flattened, and the model needs padded ones.
    """
    if "cu_seq_lens" not in inputs:
        return model(**inputs)
    network = _unwrapped(model)
    _enable(network)
    starts, places, blocks = (inputs.pop(name) for name in ("cu_seq_lens", "places", "blocks"))
    packing = Packing(starts, places, inputs["attention_mask"].bool(), blocks)
    inputs["position_ids"] = inputs["position_ids"] + _first_position(network.config)
    with _padded_for_head(network, packing):
        return model(**inputs, packing=packing)


def _enable(network: Any) -> None:
    if network.config._attn_implementation == varlen_attention.NAME:
        return
    if not supports(network):
        raise ModelError(f"{network.config.model_type} cannot read windows that lie in a row", "pad them")
    varlen_attention.register()
    # For good: gradient checkpointing asks for the attention again, in the backward pass. Padded batches still work.
    network.set_attn_implementation(varlen_attention.NAME)


@contextmanager
def _padded_for_head(network: Any, packing: Packing) -> Iterator[None]:
    def pad(module: Any, arguments: Any, output: Any) -> Any:
        if not hasattr(output, "last_hidden_state"):
            return _padded(output[0], packing)
        output.last_hidden_state = _padded(output.last_hidden_state[0], packing)
        return output

    handle = _stack(network).register_forward_hook(pad)
    try:
        yield
    finally:
        handle.remove()


def _padded(rows: Any, packing: Packing) -> Any:
    # The last layer may have answered at the first token of each window alone.
    return rows[:, None] if len(rows) == len(packing.mask) else packing.pad(rows)


def _stack(network: Any) -> Any:
    modules = dict(network.base_model.named_children())
    return next((modules[name] for name in STACKS if name in modules), None)


def _first_position(config: Any) -> int:
    return int(config.pad_token_id) + 1 if config.model_type in POSITIONS_AFTER_PADDING else 0


def _unwrapped(model: Any) -> Any:
    """Return the model itself where DistributedDataParallel or the like wraps it."""
    return getattr(model, "module", model)
