"""Windows to batches: padding, grouping by length in training, and token budgets elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bertkit.adapters._encoder import Window

# Batches of similar length are formed inside stretches of the shuffled rows: long enough to save padding, short
# enough that one class of long texts does not fill whole batches again and again.
LONGEST_STRETCH = 50
FEWEST_STRETCHES = 4


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


class LengthGroupedBatches:
    """A batch sampler: random batches of similar length, the same for a seed and an epoch on every machine.

    Args:
        lengths: Tokens of each training window.
        batch_size: Windows of one optimizer step.
        parts: Parts of a step that are computed one after the other to save memory.
        seed: Of the order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, parts: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.part = batch_size // parts
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; the Trainer calls it before each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        full, rest = divmod(len(self.lengths), self.batch_size)
        return full * (self.batch_size // self.part) + -(-rest // self.part)

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        full = len(order) - len(order) % self.batch_size
        batches: list[np.ndarray] = []
        length = max(min(full // self.batch_size // FEWEST_STRETCHES, LONGEST_STRETCH), 1) * self.batch_size
        for start in range(0, full, length):
            stretch = order[start : min(start + length, full)]
            stretch = stretch[np.argsort(-self.lengths[stretch], kind="stable")]
            batches += np.split(stretch, len(stretch) // self.batch_size)
        generator.shuffle(batches)
        # The incomplete batch comes last: in the middle it would shift where accumulation ends.
        for batch in [*batches, order[full:]]:
            for start in range(0, len(batch), self.part):
                yield batch[start : start + self.part].tolist()
