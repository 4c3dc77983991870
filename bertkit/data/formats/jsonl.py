"""JSON Lines: one object a line; the keys of the first one are the columns.

A later row may lack a key (its value is None) or bring a new one, which a JSON Lines output keeps. Blank lines are
passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._decode import read_lines
from bertkit.data._input import ByteSource
from bertkit.data._rows import SKIP_HINT, Rejects, Row
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._json import dump, parse, reason
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".jsonl": "jsonl", ".ndjson": "jsonl"}
OBJECT_HINT = f"""Every line must hold one object such as {{"text": "..."}}. {SKIP_HINT}"""
LIST_HINT = "A file that is one JSON list is read with `--set data.format=json`."


class JsonlReader:
    """Rows of a JSON Lines input.

    Args:
        source: The input, at its start.
        settings: The encoding.
        rejects: Where bad rows go.
    """

    def __init__(self, source: ByteSource, settings: ReadSettings, rejects: Rejects) -> None:
        self._name = source.name
        self._rejects = rejects
        self._objects = self._read_objects(read_lines(source, settings.encoding, newline="\n"))
        self._first = next(self._objects, None)
        if self._first is None:
            raise DataError(f"{self._name} is empty: it holds no usable row.", OBJECT_HINT)
        self.columns = list(self._first[1])

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped, or an undecodable byte.
        """
        if self._first:
            yield Row(*self._first)
            self._first = None
        empty = dict.fromkeys(self.columns)
        for line, values in self._objects:
            yield Row(line, empty | values)

    def _read_objects(self, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = _parse(line.rstrip("\r\n"))
            except (ValueError, RecursionError) as error:
                hint = LIST_HINT if line.startswith("[") else OBJECT_HINT
                self._rejects.add(f"{self._name}:{number}: not valid JSON: {reason(error)}", hint)
            else:
                yield number, value


class JsonlSink:
    """Writes one object a line, with the columns in order, other keys after them, and text unescaped."""

    form = "values"
    keeps_other_keys = True

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._stream, self._columns = stream, columns

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows; a number that JSON cannot hold (NaN, infinity) becomes null."""
        for row in rows:
            values = {column: row.get(column) for column in self._columns} | dict(row)
            self._stream.write((dump(values) + "\n").encode())

    def close(self) -> None:
        """Holds nothing back."""


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a JSON Lines input and reads its first row."""
    return JsonlReader(source, settings, rejects)


def open_sink(stream: BinaryIO, format_name: str, columns: Sequence[str], like: Reader | None) -> Sink:
    """Starts a JSON Lines output."""
    return JsonlSink(stream, columns)


def _parse(line: str) -> dict[str, Any]:
    value = parse(line)
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return value
