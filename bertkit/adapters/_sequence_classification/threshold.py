"""The probability from which a label is given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# On fewer rows (or rows with the label) the best threshold is mostly luck.
FEWEST_ROWS = 100
FEWEST_POSITIVES = 10
Quality = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def best_threshold(gold: np.ndarray, probability: np.ndarray, quality: Quality) -> float:
    """Return the threshold with the best quality on some rows; of equally good ones the nearest to 0.5.

    Args:
        gold: Whether the label is true, shape (rows,).
        probability: Of the label, shape (rows,).
        quality: From hits, wrong and missed answers at each candidate to a number to maximise.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_probability = probability[order]
    # Candidate k gives the label to the k most probable rows; equal probabilities can't be told apart.
    possible = np.append(np.flatnonzero(np.diff(sorted_probability)) + 1, len(order))
    hits = np.cumsum(gold[order])[possible - 1]
    middle = (sorted_probability[possible - 1] + np.append(sorted_probability, 0.0)[possible]) / 2
    given = np.append(possible, (probability >= 0.5).sum())
    hits = np.append(hits, (gold & (probability >= 0.5)).sum())
    thresholds = np.append(middle, 0.5)
    values = quality(hits, given - hits, gold.sum() - hits)
    best = np.flatnonzero(values == values.max())
    return float(thresholds[best[np.abs(thresholds[best] - 0.5).argmin()]])
