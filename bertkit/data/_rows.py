"""What every format gives and takes: a row, the rows passed over, and a cell as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bertkit.errors import DataError

EXAMPLES_KEPT = 5
SKIP_HINT = "Repair the row, or pass over such rows with `--set data.on_bad_row=skip` (predict: `--on-bad-row skip`)."


class Row(NamedTuple):
    """One record of a table.

    Args:
        line: 1-based line where the record starts (a header is line 1); in Parquet the 1-based row number.
        values: Column name to value. CSV and TSV give only `str`, JSONL and Parquet the native value.
    """

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used.

    Args:
        line: As in `Row`: where the record starts.
        byte: 0-based offset of the record in the uncompressed input, or None where the format has no such place.
        column: Name of the column at fault, or None where it is the whole row or not known.
        reason: What is wrong.
    """

    line: int
    byte: int | None
    column: str | None
    reason: str


class Rejects:
    """Bad rows: an error when the reader must stop, else a count with a few examples.

    Args:
        name: What messages call the input.
        skip: Pass over bad rows instead of stopping at the first.
        listener: Called for each row that is passed over.
    """

    def __init__(self, name: str, *, skip: bool = False, listener: Callable[[Reject], None] | None = None) -> None:
        self.count = 0
        self.examples: list[str] = []
        self.listener = listener
        self.skip = skip
        self._name = name

    def add(self, reject: Reject, hint: str = SKIP_HINT, *, place: str = "") -> None:
        """Notes a bad row.

        Args:
            reject: Where it is and what is wrong.
            hint: What to do about it.
            place: Where it is in words, for inputs whose lines mean nothing to the user.

        Raises:
            DataError: The reader must stop at bad rows.
        """
        where = f"{self._name}: {place}" if place else f"{self._name}:{reject.line}"
        problem = f"{where}: {reject.reason}"
        if not self.skip:
            raise DataError(problem, hint)
        self.count += 1
        if len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(problem)
        if self.listener:
            self.listener(reject)


def long_cell(limit: int) -> str:
    """Says that a cell is too long.

    Args:
        limit: Characters that are allowed.
    """
    return f"a cell of more than {limit} characters"


def as_text(value: Any) -> str | None:
    """Writes one cell as text.

    Args:
        value: A cell of any format.

    Returns:
        A `str` as it is, None for None, "true" and "false" for bools, compact JSON for lists and dicts, UTF-8
        bytes decoded, anything else as `str()` writes it (3 is "3", 3.0 is "3.0").
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=as_text)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
