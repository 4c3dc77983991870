"""Windows in, logits out: the torch backend."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.batches import by_budget, pad
from bertkit.engine.progress import Progress, silent


class TorchForward:
    """A torch model that answers windows in any order and number.

    Args:
        model: On its device.
        adapter: Tells which output counts.
        pad_id: Fills short rows of a batch.
        budget: Tokens of a batch.
    """

    def __init__(self, model: Any, adapter: Adapter, pad_id: int, budget: int) -> None:
        self.model = model
        self.adapter = adapter
        self.pad_id = pad_id
        self.budget = budget
        self.accepted = accepted_inputs(model)

    def __call__(self, windows: Sequence[Window], progress: Progress = silent) -> list[np.ndarray]:
        """Return the logits of each window in the given order.

        Args:
            windows: Of any lengths; they are batched by length.
            progress: Told how many windows are done.
        """
        import torch

        answers: list[np.ndarray] = [np.zeros(0)] * len(windows)
        training = self.model.training
        self.model.eval()
        done = 0
        with torch.inference_mode():
            for positions in by_budget([window.input_ids.size for window in windows], self.budget):
                batch = [windows[position] for position in positions]
                inputs = pad(batch, self.pad_id)
                tensors = {
                    key: torch.from_numpy(value).to(self.model.device)
                    for key, value in inputs.items()
                    if key in self.accepted
                }
                logits = self.adapter.logits(self.model(**tensors)).float().cpu().numpy()
                for line, position in enumerate(positions):
                    size = windows[position].input_ids.size
                    answers[position] = logits[line, :size] if self.adapter.per_token else logits[line]
                done += len(positions)
                progress("forward", done, len(windows))
        self.model.train(training)
        return answers


def accepted_inputs(model: Any) -> frozenset[str]:
    """Return the names of the inputs a model takes; token_type_ids only if it tells segments apart.

    RoBERTa and its kin name the input but know segment 0 alone: a tokenizer that gives the second text segment 1
    would lead past the end of their table.
    """
    names = frozenset(inspect.signature(model.forward).parameters)
    return names if getattr(model.config, "type_vocab_size", 0) > 1 else names - {"token_type_ids"}
