"""A training batch as tensors, in parts and forms in which padding costs little and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine import flat
from bertkit.engine.batches import by_length, by_tokens, pad


@dataclass(frozen=True)
class Collate:
    """Windows of one optimizer step to model inputs.

    Args:
        adapter: Gives the targets.
        pad_id: Fills short rows of a part.
        accepted: Names of the inputs that the model takes.
        most: Windows that a part may hold.
        part_cost: What one more part costs, in tokens.
        budget: Tokens of a part, padding included; a longer window is a part of its own.
        flattened: Whether the windows of a part lie in one row, instead of a row each and padded.
    """

    adapter: Adapter
    pad_id: int
    accepted: frozenset[str]
    most: int
    part_cost: int
    budget: int
    flattened: bool = False

    @property
    def form(self) -> str:
        """The form of the batches, as a run records it."""
        return "flattened" if self.flattened else "parts of similar length"

    def __call__(self, windows: Sequence[Window]) -> dict[str, Any]:
        """Return the parts, each the keyword arguments of the model and labels, and as many labels as are counted.

        Beside them stand the windows and this object, for those who want them in another form.
        """
        import torch

        parts = []
        count = 0
        for part in self._divided(windows):
            inputs = self._inputs(part)
            inputs["labels"] = self.adapter.target_batch(part)
            count += self.adapter.count(inputs["labels"])
            parts.append({key: torch.from_numpy(value) for key, value in inputs.items()})
        return {"parts": parts, "labels": torch.zeros(count), "windows": windows, "collate": self}

    def _divided(self, windows: Sequence[Window]) -> list[list[Window]]:
        lengths = [window.input_ids.size for window in windows]
        if self.flattened:
            parts = by_tokens(lengths, self.most, self.budget)
        else:
            parts = by_length(lengths, self.most, self.part_cost, self.budget)
        return [[windows[position] for position in part] for part in parts]

    def _inputs(self, part: Sequence[Window]) -> dict[str, Any]:
        if self.flattened:
            return flat.flatten(part, self.accepted)
        inputs = {key: value for key, value in pad(part, self.pad_id).items() if key in self.accepted}
        if inputs["attention_mask"].all():
            # Attention is faster without.
            del inputs["attention_mask"]
        return inputs
