"""Where the windows of a flattened batch lie, and where they would lie in a padded one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Packing:
    """Where the windows of a flattened batch lie; tensors on the device of the model.

    Args:
        cu_seq_lens: Where each window starts and, at last, the number of tokens, shape (windows + 1,), int32.
        places: Where each token lies in the padded batch read row by row, shape (tokens,), int64.
        mask: Which places of the padded batch hold a token, shape (windows, longest window), bool.
        blocks: Windows that are padded together where attention needs padding: the first of each block, and the
            number of windows, shape (blocks + 1,), int64. They should be of similar length.
    """

    cu_seq_lens: Tensor
    places: Tensor
    mask: Tensor
    blocks: Tensor

    @cached_property
    def divided(self) -> list[Block]:
        """The blocks."""
        starts, width = self.cu_seq_lens.tolist(), self.mask.shape[1]
        found = []
        for first, end in pairwise(self.blocks.tolist()):
            tokens = slice(starts[first], starts[end])
            longest = max(after - before for before, after in pairwise(starts[first : end + 1]))
            rows = self.places[tokens] // width - first
            places = rows * longest + self.places[tokens] % width
            found.append(Block(slice(first, end), tokens, places, self.mask[first:end, :longest]))
        return found

    def pad(self, rows: Tensor) -> Tensor:
        """Return rows of shape (tokens, ...) as (windows, longest window, ...), zeros where there is no token."""
        return _padded(rows, self.places, self.mask)

    def first(self, states: Tensor) -> Tensor:
        """Return the first token of each window from states of shape (1, tokens, ...), shape (1, windows, ...)."""
        return states.index_select(1, self.cu_seq_lens[:-1])


@dataclass(frozen=True)
class Block:
    """Neighbouring windows of a flattened batch.

    Args:
        windows: Which these are.
        tokens: Their tokens.
        places: Where each of these lies in the padded block read row by row, shape (tokens,), int64.
        mask: Which places of the padded block hold a token, shape (windows, longest window), bool.
    """

    windows: slice
    tokens: slice
    places: Tensor
    mask: Tensor

    @property
    def is_even(self) -> bool:
        """Whether all windows are of one length, so that there is nothing to pad."""
        return len(self.places) == self.mask.numel()

    def pad(self, rows: Tensor) -> Tensor:
        """Return rows of shape (tokens, ...) as (windows, longest window, ...), zeros where there is no token."""
        if self.is_even:
            return rows.view(*self.mask.shape, *rows.shape[1:])
        return _padded(rows, self.places, self.mask)

    def unpad(self, padded: Tensor) -> Tensor:
        """Return a tensor of shape (windows, longest window, ...) as (tokens, ...)."""
        flat = padded.flatten(0, 1)
        return flat if self.is_even else flat.index_select(0, self.places)


def _padded(rows: Tensor, places: Tensor, mask: Tensor) -> Tensor:
    padded = rows.new_zeros(mask.numel(), *rows.shape[1:])
    return padded.index_copy(0, places, rows).view(*mask.shape, *rows.shape[1:])
