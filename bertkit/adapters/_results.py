"""What adapters hand back: guesses, windows, answers, scores and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bertkit.adapters._encoder import Window

Scores = dict[str, float]
Scorer = Callable[[np.ndarray], Scores]


@dataclass(frozen=True)
class Encoded:
    """The windows of some rows, and how much of each row they show.

    Args:
        windows: In row order; each names its row by position.
        tokens: Tokens of each row's text, special tokens left out, shape (rows,).
        seen: How many of these at least one window holds, shape (rows,).
        remarks: What else the user should know about rows, and the places where it was found.
    """

    windows: list[Window]
    tokens: np.ndarray
    seen: np.ndarray
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """The decoded answer to one row.

    Args:
        answer: What the user asked for: a label, several labels, a number, entities, a piece of text.
        score: Probability of the answer in 0..1, or None where there is none.
        detail: What else the task knows: the score of every label, the tag of every word, the best spans.
    """

    answer: Any
    score: float | None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A small table of a report.

    Args:
        title: What it shows.
        header: Names of the columns.
        rows: Cells.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Inferred:
    """What an adapter guessed from a table.

    Args:
        columns: Role to column name.
        settings: Its own settings that differ from the defaults.
        because: One sentence a guess.
        confidence: How well the table fits this task type, 0..1.
        encode: Values of the recipe's [encode] table that suit this task type better than the defaults.
    """

    columns: dict[str, str]
    settings: dict[str, Any]
    because: list[str]
    confidence: float
    encode: dict[str, Any] = field(default_factory=dict)
