"""How far a score could move if other rows of the same kind had been drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bootstrap_interval(
    statistic: Callable[[NDArray[Any]], Mapping[str, float]],
    n_rows: int,
    *,
    samples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Compute percentile bootstrap intervals of metrics.

    Source: Efron and Tibshirani 1993, An introduction to the bootstrap, chapter 13.

    Args:
        statistic: Takes row numbers drawn with replacement, shape (n_rows,), and returns metrics by name. A
            metric that is nan or absent for some draws is judged by the others.
        n_rows: Number of rows.
        samples: Number of draws.
        seed: The same seed gives the same interval.
        confidence: Share of the draws inside the interval.

    Returns:
        Low and high end of each metric; both nan if it was nan in every draw.
    """
    rng = np.random.default_rng(seed)
    draws: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(samples):
        for name, value in statistic(rng.integers(n_rows, size=n_rows)).items():
            draws[name].append(value)
    return {name: _middle(np.array(values, dtype=float), confidence) for name, values in draws.items()}


def _middle(values: NDArray[Any], confidence: float) -> tuple[float, float]:
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
