"""Backends in turns on the same windows: what they answer, and how fast."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from bertkit.adapters._encoder import Window
from bertkit.engine.forward import Forward

SLICE = 64  # windows
# The middle one of fewer rates may be that of a moment in which the machine did something else.
FEWEST_TURNS = 5


@dataclass
class Side:
    """What one backend did.

    Args:
        logits: Of each window.
        rates: Windows a second, one number a turn.
    """

    logits: list[np.ndarray]
    rates: list[float] = field(default_factory=list)

    @property
    def windows_per_second(self) -> float:
        """The middle one of the rates."""
        return median(self.rates)


def side_by_side(forwards: Mapping[str, Forward], windows: Sequence[Window]) -> dict[str, Side]:
    """Answer windows with each backend.

    They take turns on a few windows each, so that whatever else the machine does meets all of them alike.

    Args:
        forwards: By name.
        windows: At least one.
    """
    turns = max(-(-len(windows) // SLICE), min(FEWEST_TURNS, len(windows)))
    sides = {name: Side([np.zeros(0)] * len(windows)) for name in forwards}
    for forward in forwards.values():
        # The first call of a backend also prepares its memory.
        forward(windows[::turns])
    for turn in range(turns):
        own = windows[turn::turns]
        for name, forward in forwards.items():
            started = time.perf_counter()
            sides[name].logits[turn::turns] = forward(own)
            sides[name].rates.append(len(own) / (time.perf_counter() - started))
    return sides
