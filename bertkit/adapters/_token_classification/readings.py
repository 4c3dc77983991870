"""Where units of words are read in windows, and their scores put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.adapters._encoder import View, Window
from bertkit.adapters._token_classification.words import Alignment, Ints, homes

# What the loss of torch passes over.
UNTAUGHT = -100

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """The units that one window answers.

    Args:
        units: Which of the row's they are, shape (units,).
        positions: Where in the window the first token of each stands, shape (units,).
        alignment: All units of the row.
    """

    units: Ints
    positions: Ints
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model says of the units of all rows, one row after the other.

    Args:
        alignments: What each row is made of.
        sizes: Units of each row, shape (rows,).
        values: Log probabilities, shape (units, labels).
        was_read: Whether a window shows the unit, shape (units,).
    """

    alignments: list[Alignment]
    sizes: Ints
    values: Floats
    was_read: NDArray[np.bool_]

    @property
    def parts(self) -> list[slice]:
        """Where the units of each row stand."""
        ends = np.cumsum(self.sizes)
        return list(map(slice, ends - self.sizes, ends))


def windows(row: int, views: Sequence[View], tokens: int, alignment: Alignment, gold: Ints | None) -> list[Window]:
    """Return the windows of a row, each unit read and taught in one of them.

    Args:
        row: Position of the row.
        views: What each window holds.
        tokens: Tokens of the row.
        alignment: Its words and units.
        gold: The label of each unit, shape (units,), or None where nothing is taught.
    """
    home = homes([view.kept for view in views], tokens)
    reachable = np.flatnonzero(alignment.tokens >= 0)
    home_of_unit = home[alignment.tokens[reachable]]
    found = []
    for position, view in enumerate(views):
        units = reachable[home_of_unit == position]
        places = view.start + np.searchsorted(view.kept, alignment.tokens[units])
        target = None
        if gold is not None and units.size:
            target = np.full(view.input_ids.size, UNTAUGHT, np.int64)
            target[places] = gold[units]
        found.append(Window(row, view.input_ids, view.segment_ids, target, Reading(units, places, alignment)))
    return found


def gather(logits: Sequence[Floats], read: Sequence[Window], rows: int, labels: int, lost: int) -> Scores:
    """Put the scores of units together.

    Args:
        logits: Of each window, shape (tokens, labels).
        read: The windows in any order, at least one of each row.
        rows: Number of rows.
        labels: Number of labels.
        lost: The label of units that no window shows.
    """
    by_row = {window.row: window.detail.alignment for window in read}
    alignments = [by_row[row] for row in range(rows)]
    sizes = np.array([alignment.tokens.size for alignment in alignments], np.int64)
    begins = np.cumsum(sizes) - sizes
    places = np.concatenate([begins[window.row] + window.detail.units for window in read])
    shown = np.concatenate([line[window.detail.positions] for line, window in zip(logits, read, strict=True)])
    values = np.full((int(sizes.sum()), labels), -np.inf)
    values[:, lost] = 0
    values[places] = _log_softmax(shown.astype(np.float64))
    was_read = np.zeros(len(values), bool)
    was_read[places] = True
    return Scores(alignments, sizes, values, was_read)


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
