"""JSON Lines: one object a line; the keys of the first one are the columns.

A later row may lack a key (its value is None) or bring a new one, which a JSON Lines output keeps. Blank lines are
passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._input import ByteSource
from bertkit.data._lines import Lines
from bertkit.data._rows import SKIP_HINT, Reject, Rejects, Row
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._json import MOST_NESTED, dump, parse, reason, refusal
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".jsonl": "jsonl", ".ndjson": "jsonl"}
OBJECT_HINT = f"""Every line must hold one object such as {{"text": "..."}}. {SKIP_HINT}"""
LIST_HINT = "A file that is one JSON list is read with `--set data.format=json`."


class JsonlReader:
    """Rows of a JSON Lines input.

    Args:
        source: The input, at its start.
        settings: The encoding and the longest cell.
        rejects: Where bad rows go.

    Attributes:
        columns: The keys of the first object.
        blank: Blank lines passed over so far.
    """

    def __init__(self, source: ByteSource, settings: ReadSettings, rejects: Rejects) -> None:
        self.blank = 0
        self._rejects, self._max_cell = rejects, settings.max_cell
        self._lines = Lines(source, settings.encoding, "\n", settings.max_cell)
        self._objects = self._read_objects()
        self._first = next(self._objects, None)
        if self._first is None:
            raise DataError(f"{source.name} is empty: it holds no usable row.", OBJECT_HINT)
        self.columns = list(self._first[1])

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped.
        """
        if self._first:
            yield Row(*self._first)
            self._first = None
        empty = dict.fromkeys(self.columns)
        for line, values in self._objects:
            yield Row(line, empty | values)

    def _read_objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        lines, faults = self._lines, self._lines.faults
        for number, line in enumerate(lines, 1):
            lines.record = number
            if faults and lines.refused(self._rejects, number, number):
                continue
            if line.isspace():
                self.blank += 1
            elif (values := self._object(number, line)) is not None:
                yield number, values

    def _object(self, number: int, line: str) -> dict[str, Any] | None:
        column = None
        try:
            values = _parse(line.rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            problem = f"not valid JSON: {reason(error)}"
        else:
            if not self._is_suspect(line):
                return values
            column, problem = refusal(values, self._max_cell)
            if not problem:
                return values
        hint = LIST_HINT if line.startswith("[") else OBJECT_HINT
        self._rejects.add(Reject(number, self._lines.byte(number), column, problem), hint)
        return None

    def _is_suspect(self, line: str) -> bool:
        # Nothing else can be wrong with an object that was parsed, and to look through every one would take time.
        return len(line) > self._max_cell or "\\u" in line or line.count("[") + line.count("{") > MOST_NESTED


class JsonlSink:
    """Writes one object a line, with the columns in order, other keys after them, and text unescaped."""

    form = "values"
    keeps_other_keys = True
    parts_join = True

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._stream, self._columns = stream, columns

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows; a number that JSON cannot hold (NaN, infinity) becomes null."""
        for row in rows:
            values = {column: row.get(column) for column in self._columns} | dict(row)
            self._stream.write((dump(values) + "\n").encode())

    def state(self) -> dict[str, Any] | None:
        """Returns nothing that a further sink needs."""
        return {}

    def close(self) -> None:
        """Holds nothing back."""


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a JSON Lines input and reads its first row."""
    return JsonlReader(source, settings, rejects)


def open_sink(
    stream: BinaryIO,
    format_name: str,
    columns: Sequence[str],
    like: Reader | None,
    state: Mapping[str, Any] | None = None,
) -> Sink:
    """Starts a JSON Lines output."""
    return JsonlSink(stream, columns)


def _parse(line: str) -> dict[str, Any]:
    value = parse(line)
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return value
