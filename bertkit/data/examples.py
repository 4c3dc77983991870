"""Rows of a table as examples: values by role, each with the place it came from."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bertkit.data import json_cells
from bertkit.data.tables import Row, as_text
from bertkit.errors import DataError


@dataclass(frozen=True, slots=True)
class Column:
    """One thing an adapter needs from a table.

    Args:
        role: Its key in the recipe's [columns].
        kind: "text" cells become text and "words" cells lists of words; "label" cells stay what the file holds.
        training_only: Prediction works without it.
        optional: Training works without it too, where the recipe does not name it.
        usual: Names that such a column often has, tried where the recipe names none.
    """

    role: str
    kind: str
    training_only: bool = False
    optional: bool = False
    usual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One row by role.

    Args:
        source: Name of the file or data set.
        line: Line of the file, counted from 1.
        values: Role to value.
    """

    source: str
    line: int
    values: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Where the row stands, for messages."""
        return f"{self.source}:{self.line}"


@dataclass
class Examples:
    """The usable rows of one split.

    Args:
        source: Name of the file or data set.
        rows: The usable examples in file order.
        dropped: Reason to number of rows that were left out.
        repaired: What was mended in the labels, and how often.
        first: Where each of these reasons was met first.
        places: The first few places of each reason that the labels gave, with what was found there.
    """

    source: str
    rows: list[Example]
    dropped: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def pick(self, indices: Iterable[int]) -> Examples:
        """Return the examples at some positions, as a split of the same source."""
        return Examples(self.source, [self.rows[index] for index in indices])

    def fingerprint(self) -> str:
        """Return a sha256 over all values in order, to tell whether data changed since a run."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(json.dumps(dict(row.values), sort_keys=True, default=str).encode())
        return digest.hexdigest()


def to_example(row: Row, source: str, columns: Mapping[str, str], kinds: Mapping[str, str]) -> Example:
    """Pick the cells of one row that the roles name.

    Args:
        row: A row of a table.
        source: Name of its file.
        columns: Role to column name.
        kinds: Role to kind, see Column.
    """
    read: dict[str, Callable[[Any], Any]] = {"text": _text, "words": words}
    return Example(source, row.line, {
        role: read.get(kinds[role], _as_it_is)(row.values.get(name)) for role, name in columns.items()
    })  # fmt: skip


def words(value: Any, *, fewest_numbers: int = 2) -> list[str]:
    """Return a cell as words: a list as it is, a JSON list of words in text, or text split at white space.

    Args:
        value: The cell.
        fewest_numbers: A JSON list of fewer numbers is a word itself: that of a footnote, "[1]".
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            found = json_cells.parse(value)
            kinds = set(map(type, found))
            if kinds <= {str} or (kinds == {int} and len(found) >= fewest_numbers):
                value = found
    if isinstance(value, list | tuple):
        return [_text(word) for word in value]
    return _text(value).split()


def is_empty(example: Example, roles: Sequence[str]) -> bool:
    """Tell whether any of some roles holds nothing but white space."""
    return any(not _characters(example.values.get(role)).strip() for role in roles)


def keep_usable(source: str, examples: Iterable[Example], texts: Sequence[str], on_empty: str) -> Examples:
    """Apply the recipe's rule for rows without text.

    Args:
        source: Name of the file or data set.
        examples: All rows.
        texts: Roles that hold text.
        on_empty: "refuse" or "drop".

    Raises:
        DataError: A row has no text and the rule is "refuse".
    """
    rows: list[Example] = []
    empty: list[Example] = []
    for example in examples:
        (empty if is_empty(example, texts) else rows).append(example)
    if empty and on_empty == "refuse":
        raise DataError(
            f"{empty[0].where}: the text is empty ({len(empty)} such rows in {source})",
            "fill the cells, or --set data.on_empty=drop",
        )
    if not empty:
        return Examples(source, rows)
    return Examples(source, rows, {"empty text": len(empty)}, first={"empty text": empty[0].where})


def _text(value: Any) -> str:
    return as_text(value) or ""


def _as_it_is(value: Any) -> Any:
    return value


def _characters(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else _text(value)
