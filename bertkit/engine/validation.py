"""What the validation rows of a training decide: the best epoch, and the settings of the decoder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.adapters._results import Scores
from bertkit.engine import processes
from bertkit.engine.prepare import Prepared
from bertkit.engine.signals import StopAsked, StopRequest
from bertkit.errors import RecipeError


def selecting_metric(prepared: Prepared) -> str:
    """Return the metric that selects the best epoch.

    Raises:
        RecipeError: The recipe names a metric that this task does not have.
    """
    asked = prepared.recipe.train.metric
    if asked == "auto":
        return prepared.adapter.metric
    split = prepared.validation
    adapter, windows = prepared.adapter, split.encoded.windows
    zeros = [np.zeros((w.input_ids.size, adapter.outputs) if adapter.per_token else adapter.outputs) for w in windows]
    records = adapter.decode(zeros, windows, len(split.examples.rows))
    known = prepared.adapter.score(records, split.examples.rows)
    if asked not in known:
        raise RecipeError(f'train.metric: there is no metric "{asked}" here. Known: {", ".join(known)}')
    return asked


def tuned(
    network: Any, *, prepared: Prepared, forward: Callable[..., Any], stop: StopRequest
) -> tuple[Adapter, Scores, bool]:
    """Return the adapter tuned on the validation rows, their scores, and whether all answers are the same.

    Args:
        network: The model as it is now.
        prepared: Has the validation rows.
        forward: From a model to what computes its logits.
        stop: Asked between batches.

    Raises:
        StopAsked: A signal came to one of the processes.
    """
    split = prepared.validation
    windows, rows = split.encoded.windows, split.examples.rows
    logits = _logits(windows, forward(network), stop)
    adapter = prepared.adapter.tune(logits, windows, rows)
    records = adapter.decode(logits, windows, len(rows))
    collapsed = len(rows) > 1 and len({str(record.answer) for record in records}) == 1
    return adapter, adapter.score(records, rows), collapsed


def _logits(windows: Sequence[Window], forward: Callable[..., Any], stop: StopRequest) -> list[np.ndarray]:
    """Return the logits of all windows, of which each process gives its share."""
    own = None
    with contextlib.suppress(StopAsked):
        own = forward(processes.share(windows), stop.poll)
    # A signal may have reached one process alone, and then they would wait for each other.
    for number in processes.gather(None if own is not None else stop.signal_number):
        if number is not None:
            stop.signal_number = number
            raise StopAsked
    return processes.merge(own or [])
