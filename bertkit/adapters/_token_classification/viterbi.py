"""The best path through scores where some labels may not follow others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 64

Floats = NDArray[np.floating[Any]]


def best_paths(scores: Floats, sizes: NDArray[np.int64], follows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the legal sequence of labels of each row with the highest sum of scores.

    Where the highest score of every step makes a legal sequence, that is the answer; only the other rows need
    the search of Viterbi 1967.

    Args:
        scores: Log probabilities of the steps of all rows, one row after the other, shape (steps, labels).
        sizes: Steps of each row, shape (rows,).
        follows: Whether label j may come after label i, shape (labels, labels). Label 0 may come after all and
            before whatever may begin a row.

    Returns:
        One label a step, shape (steps,).
    """
    chosen: NDArray[np.int64] = scores.argmax(axis=1)
    row_of = np.repeat(np.arange(len(sizes)), sizes)
    begins = np.cumsum(sizes) - sizes
    before = np.append(0, chosen[:-1])
    before[begins[sizes > 0]] = 0
    illegal = np.unique(row_of[~follows[before, chosen]])
    for rows in _batches(illegal, sizes):
        steps = np.arange(sizes[rows].max())
        inside = steps < sizes[rows, None]
        # Steps after the end of a row can only be label 0, which changes nothing before them.
        padded = np.full((*inside.shape, scores.shape[1]), -np.inf)
        padded[..., 0] = 0
        places = (begins[rows, None] + steps)[inside]
        padded[inside] = scores[places]
        chosen[places] = _search(padded, follows)[inside]
    return chosen


def _batches(rows: NDArray[np.int64], sizes: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    ordered = rows[np.argsort(sizes[rows], kind="stable")]
    return (ordered[start : start + ROWS_AT_ONCE] for start in range(0, len(ordered), ROWS_AT_ONCE))


def _search(scores: Floats, follows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the best legal path of rows of one length, scores of shape (rows, steps, labels)."""
    price = np.where(follows, 0.0, -np.inf)
    best = scores[:, 0] + price[0]
    came_from = np.zeros(scores.shape, np.int64)
    for step in range(1, scores.shape[1]):
        through = best[:, :, None] + price
        came_from[:, step] = through.argmax(axis=1)
        best = through.max(axis=1) + scores[:, step]
    path = np.empty(scores.shape[:2], np.int64)
    path[:, -1] = best.argmax(axis=1)
    every = np.arange(len(scores))
    for step in range(scores.shape[1] - 1, 0, -1):
        path[:, step - 1] = came_from[every, step, path[:, step]]
    return path
