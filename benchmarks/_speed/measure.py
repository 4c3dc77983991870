"""Sides of one piece of work, measured in turn in one process, and what comes of it."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from _speed.arithmetic import matrix_rates
from _speed.setup import Reading, Setup, Work


def measure(work: Work, setup: Setup) -> dict[str, Any]:
    """Return what every side did in every round, in a form that JSON holds.

    Args:
        work: What is done.
        setup: How long, and with what.

    Returns:
        "rates" of each side, in units a second; "shares", what each reached of the processor's best rate of
        multiplying; "matrices", these rates by library; "same", the share of answers like those of the exact side.
    """
    sides = work.open(setup)
    matrices: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {name: [] for name in sides}
    shares: dict[str, list[float]] = {name: [] for name in sides}
    last: dict[str, Reading] = {}
    for turn in range(setup.rounds):
        for library, rate in matrix_rates(work.width, setup.clock).items():
            matrices.setdefault(library, []).append(rate)
        best = max(values[-1] for values in matrices.values())
        for name in list(sides)[:: -1 if turn % 2 else 1]:
            gc.collect()
            last[name] = reading = sides[name]()
            rates[name].append(reading.amount / reading.seconds)
            shares[name].append(reading.flop / reading.seconds / best)
    counted = {name: values for name, values in shares.items() if any(values)}
    return {"rates": rates, "shares": counted, "matrices": matrices, "same": _same(last, work.exact)}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the ratio of the medians, and the least and the greatest ratio of one round."""
    each = [our / their for our, their in zip(ours, theirs, strict=True)]
    return median(ours) / median(theirs), min(each), max(each)


def _same(last: Mapping[str, Reading], exact: str | None) -> dict[str, float]:
    """Return the share of rows to which a side gives the answer of the exact one."""
    if exact is None or exact not in last:
        return {}
    right = last[exact].answers
    return {
        name: sum(answer == other for answer, other in zip(reading.answers, right, strict=True)) / len(right)
        for name, reading in last.items()
        if name != exact
    }
