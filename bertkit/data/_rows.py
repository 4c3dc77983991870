"""What every format gives and takes: a row, the rows passed over, and a cell as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bertkit.errors import DataError

EXAMPLES_KEPT = 5
SKIP_HINT = "Repair the row, or pass over such rows with `--set data.on_bad_row=skip`."


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table.

    Args:
        line: 1-based line where the record starts (a header is line 1); in Parquet the 1-based row number.
        values: Column name to value. CSV and TSV give only `str`, JSONL and Parquet the native value.
    """

    line: int
    values: dict[str, Any]


class Rejects:
    """Bad rows: an error when the reader must stop, else a count with a few examples.

    Args:
        skip: Pass over bad rows instead of stopping at the first.
    """

    def __init__(self, *, skip: bool = False) -> None:
        self.count = 0
        self.examples: list[str] = []
        self._skip = skip

    def add(self, problem: str, hint: str = SKIP_HINT) -> None:
        """Notes a bad row.

        Args:
            problem: Where it is and what is wrong, such as "train.csv:418: 4 fields, the header has 3".
            hint: What to do about it.

        Raises:
            DataError: The reader must stop at bad rows.
        """
        if not self._skip:
            raise DataError(problem, hint)
        self.count += 1
        if len(self.examples) < EXAMPLES_KEPT:
            self.examples.append(problem)


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
