"""JSON: one document with all rows, held in memory while it is read.

Three documents are known: a list of objects, whose first one names the columns (as in JSON Lines); Label Studio's full
export, a list of objects whose "data" holds the columns; and SQuAD, which gives one row a question. The line of a row
is its 1-based position in the document. Any output is a list of objects, one a line, also where the input was SQuAD.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._decode import read_lines
from bertkit.data._input import ByteSource
from bertkit.data._rows import Rejects, Row
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._json import dump, parse, reason
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
        settings: The encoding.
        rejects: Where bad rows go.

    Raises:
        DataError: It is not valid JSON, or none of the known documents, or without a usable row.
    """

    def __init__(self, source: ByteSource, settings: ReadSettings, rejects: Rejects) -> None:
        document = _load(source, settings.encoding)
        if isinstance(document, list):
            rows = _object_rows(source.name, document, rejects)
        elif isinstance(document, dict) and isinstance(document.get("data"), list):
            rows = squad_rows(source.name, document["data"], rejects)
        else:
            raise DataError(f"{source.name}: neither a list of objects nor a SQuAD document.", SHAPES_HINT)
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

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._stream, self._columns = stream, columns
        self._before = "[\n"

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows; a number that JSON cannot hold (NaN, infinity) becomes null."""
        for row in rows:
            values = {column: row.get(column) for column in self._columns} | dict(row)
            self._stream.write((self._before + dump(values)).encode())
            self._before = ",\n"

    def close(self) -> None:
        """Ends the list."""
        self._stream.write(b"[]\n" if self._before == "[\n" else b"\n]\n")


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a JSON input and reads all of it."""
    return JsonReader(source, settings, rejects)


def open_sink(stream: BinaryIO, format_name: str, columns: Sequence[str], like: Reader | None) -> Sink:
    """Starts a JSON output."""
    return JsonSink(stream, columns)


def _load(source: ByteSource, encoding: str | None) -> Any:
    text = "".join(read_lines(source, encoding, newline="\n"))
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{source.name}{line}: not valid JSON: {reason(error)}", LINES_HINT) from None


def _object_rows(name: str, items: list[Any], rejects: Rejects) -> Iterator[Row]:
    for number, item in enumerate(items, 1):
        if isinstance(item, dict):
            yield Row(number, _lifted(item))
        else:
            rejects.add(f"{name}: row {number} of the list: an object was expected")


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
