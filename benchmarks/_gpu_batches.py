"""Batches of the GPU benchmark: made-up lengths, and the layouts that are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertkit.adapters._encoder import Window
from bertkit.engine.batches import by_budget, by_length, pad
from bertkit.engine.device import part_cost, token_budget
from bertkit.engine.flat import flatten
from bertkit.engine.forward import accepted_inputs

LONGEST = 512
FIRST_WORD, WORDS = 1000, 30522
IN_ORDER = 128


@dataclass(frozen=True)
class Mix:
    """A made-up set of texts.

    Args:
        name: What its lengths are like.
        draw: From a random generator and a number of windows to that many lengths, in tokens.
        batches: Windows of a training step, one measurement each.
        predicted: Windows of a measurement of prediction.
    """

    name: str
    draw: Callable[[np.random.Generator, int], np.ndarray]
    batches: tuple[int, ...]
    predicted: int

    def windows(self, count: int, seed: int) -> list[Window]:
        """Return windows of random words."""
        rng = np.random.default_rng(seed)
        ids = [rng.integers(FIRST_WORD, WORDS, size, np.int32) for size in self.draw(rng, count)]
        return [Window(row, words, np.zeros_like(words)) for row, words in enumerate(ids)]


def _sentences(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.gamma(4.0, 23 / 4, count).round().clip(4, 64).astype(int)


def _mixed(rng: np.random.Generator, count: int) -> np.ndarray:
    # A fifth are long, and some of these are cut.
    long = rng.uniform(200, 650, count).clip(0, LONGEST).astype(int)
    return np.where(np.arange(count) % 5 == 0, long, _sentences(rng, count))


MIXES = (
    Mix("sentences, mean 23", _sentences, (32, 256), 16384),
    Mix("mixed, mean 100, up to 512", _mixed, (32, 128), 8192),
    Mix("all 512", lambda rng, count: np.full(count, LONGEST), (32,), 2048),
)


@dataclass(frozen=True)
class Layouts:
    """The ways to give windows to a model, each as batches of inputs on its device.

    Args:
        network: The model.
    """

    network: Any

    def of_step(self, windows: Sequence[Window]) -> dict[str, list[dict[str, Any]]]:
        """Return one training step in each layout, which may be several batches."""
        lengths = [window.input_ids.size for window in windows]
        parts = by_length(lengths, len(windows), part_cost(self.network.device.type), len(windows) * LONGEST)
        return {
            "padded": [self._padded(windows)],
            "parts of similar length": [self._padded([windows[position] for position in part]) for part in parts],
            "flattened": [self._flattened(windows)],
        }

    def of_prediction(self, windows: Sequence[Window]) -> dict[str, list[dict[str, Any]]]:
        """Return all windows to be predicted in each layout."""
        budget = token_budget(self.network.device.type)
        lengths = [window.input_ids.size for window in windows]
        in_order = [windows[start : start + IN_ORDER] for start in range(0, len(windows), IN_ORDER)]
        similar = [[windows[position] for position in part] for part in by_budget(lengths, budget)]
        return {
            "padded": [self._padded(batch) for batch in in_order],
            "parts of similar length": [self._padded(batch) for batch in similar],
            "flattened": [self._flattened(batch) for batch in _by_tokens(windows, budget)],
        }

    def _padded(self, windows: Sequence[Window]) -> dict[str, Any]:
        accepted = accepted_inputs(self.network)
        return self._on_device({name: values for name, values in pad(windows, 0).items() if name in accepted})

    def _flattened(self, windows: Sequence[Window]) -> dict[str, Any]:
        return self._on_device(flatten(windows, accepted_inputs(self.network)))

    def _on_device(self, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
        import torch

        return {name: torch.from_numpy(values).to(self.network.device) for name, values in inputs.items()}


def _by_tokens(windows: Sequence[Window], budget: int) -> list[list[Window]]:
    """Return windows sorted by length, in batches of about as many tokens as the budget."""
    batches: list[list[Window]] = []
    room = 0
    for window in sorted(windows, key=lambda window: -window.input_ids.size):
        if room < window.input_ids.size:
            batches.append([])
            room = budget
        batches[-1].append(window)
        room -= window.input_ids.size
    return batches
