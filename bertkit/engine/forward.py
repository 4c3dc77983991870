"""Windows in, logits out, whatever computes them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.backends._base import Backend
from bertkit.engine.batches import by_budget, pad
from bertkit.engine.progress import Progress, silent


class Forward:
    """A model that answers windows in any order and number.

    Args:
        backend: Computes the logits of a batch.
        adapter: Tells whether the head answers every token.
        pad_id: Fills short rows of a batch.
        budget: Tokens of a batch, padding included; None is what suits the backend.
    """

    def __init__(self, backend: Backend, adapter: Adapter, pad_id: int, budget: int | None = None) -> None:
        self.backend = backend
        self.adapter = adapter
        self.pad_id = pad_id
        self.budget = budget or backend.budget

    def __call__(self, windows: Sequence[Window], progress: Progress = silent) -> list[np.ndarray]:
        """Return the logits of each window in the given order; equal windows are computed once.

        Args:
            windows: Of any lengths; they are batched by length.
            progress: Told how many different windows are done.
        """
        different, places = _distinct(windows)
        answers: list[np.ndarray] = [np.zeros(0)] * len(different)
        done = 0
        for positions in by_budget([window.input_ids.size for window in different], self.budget):
            logits = self._logits([different[position] for position in positions])
            for position, own in zip(positions, logits, strict=True):
                answers[position] = own
            done += len(positions)
            progress("forward", done, len(different))
        return [answers[place] for place in places]

    def _logits(self, batch: Sequence[Window]) -> list[np.ndarray]:
        padded = pad(batch, self.pad_id)
        logits = self.backend({name: value for name, value in padded.items() if name in self.backend.inputs})
        if not self.adapter.per_token:
            return list(logits)
        return [own[: window.input_ids.size] for own, window in zip(logits, batch, strict=True)]


def _distinct(windows: Sequence[Window]) -> tuple[list[Window], list[int]]:
    """Return the windows that differ, and for each window which of them it equals."""
    known: dict[tuple[bytes, bytes], int] = {}
    different: list[Window] = []
    places = []
    for window in windows:
        key = window.input_ids.tobytes(), window.segment_ids.tobytes()
        if key not in known:
            known[key] = len(different)
            different.append(window)
        places.append(known[key])
    return different, places


def accepted_inputs(model: Any) -> frozenset[str]:
    """Return the names of the inputs a model takes; token_type_ids only if it tells segments apart.

    RoBERTa and its kin name the input but know segment 0 alone: a tokenizer that gives the second text segment 1
    would lead past the end of their table.
    """
    names = frozenset(inspect.signature(model.forward).parameters)
    return names if getattr(model.config, "type_vocab_size", 0) > 1 else names - {"token_type_ids"}
