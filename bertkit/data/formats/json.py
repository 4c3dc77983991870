"""JSON: one document with all rows, held in memory while it is read.

Three documents are known: a list of objects, whose first one names the columns (as in JSON Lines); Label Studio's full
export, a list of objects whose "data" holds the columns; and SQuAD, which gives one row a question. The line of a row
is its 1-based position in the document. Any output is a list of objects, one a line, also where the input was SQuAD.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._decode import choose_encoding, complaint, decode
from bertkit.data._encodings import encoding_hint
from bertkit.data._input import ByteSource
from bertkit.data._rows import Reject, Rejects, Row
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._json import dump, parse, reason, refusal
from bertkit.data.formats._squad import squad_rows
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".json": "json"}
LINES_HINT = "Repair the file; or, if each of its lines is an object of its own: `--set data.format=jsonl`."
SHAPES_HINT = (
    'Write a list of rows such as [{"text": "..."}, ...]; if each line is an object: `--set data.format=jsonl`.'
)


class JsonReader:
    """Rows of a JSON document.

    Args:
        source: The input, at its start.
        settings: The encoding and the longest cell.
        rejects: Where bad rows go.

    Raises:
        DataError: It is not valid JSON, or none of the known documents, or without a usable row.
    """

    def __init__(self, source: ByteSource, settings: ReadSettings, rejects: Rejects) -> None:
        document = _load(source, settings, rejects)
        if isinstance(document, list):
            found = _object_rows(document, rejects)
        elif isinstance(document, dict) and isinstance(document.get("data"), list):
            found = squad_rows(document["data"], rejects)
        else:
            raise DataError(f"{source.name}: neither a list of objects nor a SQuAD document.", SHAPES_HINT)
        rows = _usable(found, settings.max_cell, rejects)
        first = next(rows, None)
        if first is None:
            raise DataError(f"{source.name} is empty: it holds no usable row.", SHAPES_HINT)
        self.columns = list(first.values)
        self._rows = itertools.chain([first], rows)

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped.
        """
        empty = dict.fromkeys(self.columns)
        for row in self._rows:
            yield Row(row.line, empty | row.values)


class JsonSink:
    """Writes a list with one object a line, with the columns in order and other keys after them."""

    form = "values"
    keeps_other_keys = True
    parts_join = False

    def __init__(self, stream: BinaryIO, columns: Sequence[str], begun: bool = False) -> None:
        self._stream, self._columns = stream, columns
        self._before = ",\n" if begun else "[\n"

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows; a number that JSON cannot hold (NaN, infinity) becomes null."""
        for row in rows:
            values = {column: row.get(column) for column in self._columns} | dict(row)
            self._stream.write((self._before + dump(values)).encode())
            self._before = ",\n"

    def state(self) -> dict[str, Any] | None:
        """Returns whether the list holds a row."""
        return {"begun": self._before != "[\n"}

    def close(self) -> None:
        """Ends the list."""
        self._stream.write(b"[]\n" if self._before == "[\n" else b"\n]\n")


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a JSON input and reads all of it."""
    return JsonReader(source, settings, rejects)


def open_sink(
    stream: BinaryIO,
    format_name: str,
    columns: Sequence[str],
    like: Reader | None,
    state: Mapping[str, Any] | None = None,
) -> Sink:
    """Starts a JSON output."""
    return JsonSink(stream, columns, **(state or {}))


def _load(source: ByteSource, settings: ReadSettings, rejects: Rejects) -> Any:
    encoding, mark = choose_encoding(source.head(), settings.encoding)
    source.skip(mark)
    data = b"".join(iter(source.read, b""))
    text, faulty = decode(data, encoding)
    # A surrogate inside of a text makes a bad row of it, and anywhere else the document is not valid.
    if faulty and not rejects.skip:
        number, problem = next(_complaints(text, encoding))
        raise DataError(f"{source.name}:{number}: {problem}", encoding_hint(source, encoding, data))
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{source.name}{line}: not valid JSON: {reason(error)}", LINES_HINT) from None


def _complaints(text: str, encoding: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if problem := complaint(line, encoding):
            yield number, problem


def _usable(rows: Iterator[Row], max_cell: int, rejects: Rejects) -> Iterator[Row]:
    for row in rows:
        column, problem = refusal(row.values, max_cell)
        if problem:
            rejects.add(Reject(row.line, None, column, problem), place=f"row {row.line}")
        else:
            yield row


def _object_rows(items: list[Any], rejects: Rejects) -> Iterator[Row]:
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield Row(number, _lifted(item))
        else:
            rejects.add(Reject(number, None, None, "an object was expected"), place=f"row {number} of the list")


def _lifted(item: dict[str, Any]) -> dict[str, Any]:
    """Give Label Studio's task the columns of its "data"; what has the name of another key stays inside."""
    data = item.get("data")
    is_task = isinstance(item.get("annotations"), list) or len(item) == 1
    if not (isinstance(data, dict) and is_task):
        return item
    lifted = {key: value for key, value in data.items() if key not in item}
    kept = {key: value for key, value in data.items() if key in item}
    others = {key: value for key, value in item.items() if key != "data"}
    return {**lifted, **others, **({"data": kept} if kept else {})}
