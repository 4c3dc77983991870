"""Windows to batches: random ones in training, parts of similar length within them, token budgets elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bertkit.adapters._encoder import Window

# Batches whose rows are sorted together, as many as in the Trainer of transformers.
POOL = 50


def pad(windows: Sequence[Window], pad_id: int) -> dict[str, np.ndarray]:
    """Return input_ids, token_type_ids and attention_mask of shape (windows, longest window), int64."""
    width = max(window.input_ids.size for window in windows)
    ids = np.full((len(windows), width), pad_id, np.int64)
    segments = np.zeros_like(ids)
    mask = np.zeros_like(ids)
    for line, window in enumerate(windows):
        size = window.input_ids.size
        ids[line, :size] = window.input_ids
        segments[line, :size] = window.segment_ids
        mask[line, :size] = 1
    return {"input_ids": ids, "token_type_ids": segments, "attention_mask": mask}


def by_budget(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield positions sorted by length, in batches whose padded size stays within a number of tokens.

    Args:
        lengths: Tokens of each window.
        budget: Tokens of a batch, padding included; a longer window gets a batch of its own.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def by_tokens(lengths: Sequence[int], most: int, budget: int) -> list[list[int]]:
    """Divide a batch that is not padded into parts.

    Args:
        lengths: Tokens of each window of the batch.
        most: Windows that a part may hold.
        budget: Tokens that a part may have; a longer window is a part of its own.

    Returns:
        Positions of the windows of each part.
    """
    parts: list[list[int]] = []
    held = 0
    for position, length in enumerate(lengths):
        if not parts or len(parts[-1]) == most or held + length > budget:
            parts.append([])
            held = 0
        parts[-1].append(position)
        held += length
    return parts


def by_length(lengths: Sequence[int], most: int, part_cost: int, budget: int) -> list[list[int]]:
    """Divide a batch into parts of similar length, so that the least is computed; the longest part comes first.

    The exact optimum by dynamic programming over the sorted lengths: padded tokens, plus a fixed price a part.

    Args:
        lengths: Tokens of each window of the batch.
        most: Windows that a part may hold.
        part_cost: What one more part costs, in tokens: small matrices use a processor less well.
        budget: Tokens that a part may have, padding included; a longer window is a part of its own.

    Returns:
        Positions of the windows of each part.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    longest = np.array([lengths[position] for position in order])
    best = np.zeros(len(order) + 1)
    start_of = np.zeros(len(order) + 1, np.int64)
    for end in range(1, len(order) + 1):
        starts = np.arange(max(end - most, 0), end)
        sizes = longest[starts] * (end - starts)
        fits = (sizes <= budget) | (starts == end - 1)
        starts, sizes = starts[fits], sizes[fits]
        costs = best[starts] + sizes + part_cost
        start_of[end] = starts[costs.argmin()]
        best[end] = costs.min()
    parts: list[list[int]] = []
    end = len(order)
    while end:
        parts.append(order[start_of[end] : end])
        end = int(start_of[end])
    return parts[::-1]


def steps(count: int, batch_size: int, processes: int) -> int:
    """Return the optimizer steps of one pass.

    Args:
        count: Training windows.
        batch_size: Windows of one step in one process.
        processes: How many share each step; all must have a window in every step.
    """
    return min(math.ceil(count / (batch_size * processes)), count // processes)


class ShuffledBatches:
    """A batch sampler whose order is the same for a seed and an epoch on every machine, also after a resume.

    The batches of a pass are as equal as can be: a small last one would be a step of mostly noise.

    Args:
        count: Training windows.
        batch_size: Windows of one optimizer step in one process.
        seed: Of the order.
        index: Which of the processes this is, from 0.
        processes: How many share each step; together they see what one process with their common batch size sees.
        lengths: Tokens of each window, if the windows of a batch shall be of similar length: less is padded, but
            where length tells the class, a batch may have rows of one class alone.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int,
        index: int = 0,
        processes: int = 1,
        lengths: Sequence[int] | None = None,
    ) -> None:
        self.count = count
        self.steps = steps(count, batch_size, processes)
        self.seed = seed
        self.index = index
        self.processes = processes
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; the Trainer calls it before each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng([self.seed, self.epoch])
        batches = np.array_split(generator.permutation(self.count), self.steps)
        if self.lengths is not None:
            batches = _of_similar_length(batches, self.lengths, generator)
        for batch in batches:
            yield batch[self.index :: self.processes].tolist()


def _of_similar_length(
    batches: list[np.ndarray], lengths: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Return batches of the same sizes, each of similar lengths, with the rows of many random batches sorted."""
    found: list[np.ndarray] = []
    for first in range(0, len(batches), POOL):
        pool = np.concatenate(batches[first : first + POOL])
        order = pool[np.argsort(lengths[pool], kind="stable")]
        found += np.array_split(order, len(batches[first : first + POOL]))
    return [found[place] for place in generator.permutation(len(found))]
