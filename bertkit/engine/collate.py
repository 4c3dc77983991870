"""A training batch as tensors: parts of similar length, so that padding costs little and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.batches import by_length, pad


@dataclass(frozen=True)
class Collate:
    """Windows of one optimizer step to model inputs.

    Args:
        adapter: Gives the targets.
        pad_id: Fills short rows of a part.
        accepted: Names of the inputs that the model takes.
        most: Windows that a part may hold.
        part_cost: What one more part costs, in tokens.
    """

    adapter: Adapter
    pad_id: int
    accepted: frozenset[str]
    most: int
    part_cost: int

    def __call__(self, windows: Sequence[Window]) -> dict[str, Any]:
        """Return the parts, each the keyword arguments of the model and labels, and as many labels as are counted."""
        import torch

        lengths = [window.input_ids.size for window in windows]
        parts = []
        count = 0
        for positions in by_length(lengths, self.most, self.part_cost):
            part = [windows[position] for position in positions]
            inputs = {key: value for key, value in pad(part, self.pad_id).items() if key in self.accepted}
            inputs["labels"] = self.adapter.target_batch(part)
            count += self.adapter.count(inputs["labels"])
            parts.append({key: torch.from_numpy(value) for key, value in inputs.items()})
        return {"parts": parts, "labels": torch.zeros(count)}
