"""Guesses about a table without a recipe: which column holds the text, which the label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bertkit.data.tables import as_text

PAIRS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence_a", "sentence_b"),
)
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def by_name(columns: Iterable[str], usual: Sequence[str]) -> str | None:
    """Return the first column whose name is one of the usual ones, in the order of these."""
    plain = {column.strip().casefold(): column for column in columns}
    return next((plain[name] for name in usual if name in plain), None)


def pair(columns: Iterable[str]) -> tuple[str, str] | None:
    """Return two columns whose names show that they hold the two texts of a pair."""
    plain = {column.strip().casefold(): column for column in columns}
    return next(((plain[a], plain[b]) for a, b in PAIRS if a in plain and b in plain), None)


def longest(columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column with the longest cells on average, if these are longer than a word."""
    means = {column: sum(map(len, cells(column, rows))) / max(len(rows), 1) for column in columns}
    best = max(means, key=lambda column: means[column], default=None)
    return best if best is not None and means[best] >= 12 else None


def fewest_values(columns: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the column with the fewest distinct cells, at least two and repeated."""
    distinct = {column: len(set(cells(column, rows))) for column in columns}
    usable = [column for column, count in distinct.items() if 2 <= count <= max(len(rows) // 2, 2)]
    return min(usable, key=lambda column: distinct[column], default=None)


def kind_of_labels(column: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Guess what a label column holds.

    Returns:
        "single", "multi" or "number"; the separator of several labels; and the reason.
    """
    if any(isinstance(row.get(column), list) for row in rows):
        return "multi", ",", "its cells are lists"
    values = [value for value in cells(column, rows) if value]
    distinct = set(values)
    if values and all(NUMBER.fullmatch(value) for value in values):
        whole = all(float(value).is_integer() for value in values)
        if not whole or len(distinct) > 20:
            return "number", ",", f"its cells are numbers with {len(distinct)} distinct values"
        if len(distinct) > 2:
            found = f"its cells have {len(distinct)} distinct whole numbers (--set adapter.labels=number orders them)"
            return "single", ",", found
    for separator in (",", ";", "|"):
        parts = Counter(part.strip() for value in values for part in value.split(separator))
        split = sum(separator in value for value in values)
        if split >= 0.05 * len(values) and split > 0 and len(parts) < len(distinct) and len(parts) <= len(values) / 2:
            return (
                "multi",
                separator,
                f'{split} of {len(values)} cells hold several labels separated by "{separator}"',
            )
    return "single", ",", f"its cells have {len(distinct)} distinct values"


def cells(column: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a column as stripped text."""
    return [(as_text(row.get(column)) or "").strip() for row in rows]
