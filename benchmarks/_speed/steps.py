"""Which steps of a training are timed, and when they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

WARM_UP = 1


class Stamps:
    """When each step ended.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.times: list[float] = []

    def add(self) -> None:
        """Note that a step has ended."""
        self.times.append(self.clock())

    def seconds(self) -> float:
        """Return what all steps took but those that warm up."""
        return self.times[-1] - self.times[WARM_UP - 1]


def chosen(batches: Iterable[Sequence[int]], lengths: Sequence[int], count: int) -> list[list[int]]:
    """Return a few batches that are like those of a whole epoch: evenly spaced by the tokens they hold.

    Args:
        batches: Positions of the rows of each batch of an epoch.
        lengths: Tokens of each row.
        count: How many are timed; some of them also come before, to warm up.
    """
    full = [list(batch) for batch in batches]
    # A small last batch would not be like the others.
    full = [batch for batch in full if len(batch) >= len(full[0]) - 1]
    by_tokens = sorted(range(len(full)), key=lambda place: sum(lengths[row] for row in full[place]))
    places = [by_tokens[int((part + 0.5) * len(full) / count)] for part in range(count)]
    picked = [full[place] for place in sorted(places)]
    return [*picked[:WARM_UP], *picked]


def timed(batches: Sequence[Sequence[int]]) -> list[int]:
    """Return the positions of the rows of the timed steps."""
    return [position for batch in batches[WARM_UP:] for position in batch]
