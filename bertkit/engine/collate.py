"""A training batch as tensors, in parts and forms in which padding costs little and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
        budget: Tokens of a part, with its padding if it is padded; a longer window is a part of its own.
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
        for part, inputs in self._parts(windows):
            inputs["labels"] = self.adapter.target_batch(part)
            count += self.adapter.count(inputs["labels"])
            parts.append({key: torch.from_numpy(value) for key, value in inputs.items()})
        return {"parts": parts, "labels": torch.zeros(count), "windows": windows, "collate": self}

    def _parts(self, windows: Sequence[Window]) -> Iterator[tuple[list[Window], dict[str, np.ndarray]]]:
        lengths = [window.input_ids.size for window in windows]
        alike = by_length(lengths, self.most, self.part_cost, self.budget)
        if not self.flattened:
            for positions in alike:
                part = [windows[position] for position in positions]
                yield part, self._padded(part)
            return
        # The same parts, but only attention knows of them: for all other layers they are one long row.
        order = [(place, block) for block, places in enumerate(alike) for place in places]
        for positions in by_tokens([lengths[place] for place, _ in order], self.most, self.budget):
            part = [windows[order[position][0]] for position in positions]
            blocks = [order[position][1] for position in positions]
            yield part, flat.flatten(part, self.accepted, [0, *(np.flatnonzero(np.diff(blocks)) + 1), len(part)])

    def _padded(self, part: Sequence[Window]) -> dict[str, np.ndarray]:
        inputs = {key: value for key, value in pad(part, self.pad_id).items() if key in self.accepted}
        if inputs["attention_mask"].all():
            # Attention is faster without.
            del inputs["attention_mask"]
        return inputs
