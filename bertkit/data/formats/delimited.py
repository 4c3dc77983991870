"""CSV (RFC 4180) and TSV (IANA text/tab-separated-values): every cell is text exactly as it was written.

A blank line is passed over, except in a table of one column, where it is an empty cell. TSV is read and
written without quoting unless `data.quoting=csv` is set; without quoting a cell cannot hold the delimiter or
a line end, so these are written as spaces.
"""

from __future__ import annotations

import csv
import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._decode import read_lines
from bertkit.data._input import ByteSource
from bertkit.data._rows import Rejects, Row, as_text
from bertkit.data.columns import check_header
from bertkit.data.formats import Reader, Sink
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".csv": "csv", ".tsv": "tsv"}
DELIMITERS = {"csv": ",", "tsv": "\t"}
OTHER_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
QUOTINGS = {"csv": "csv", "tsv": "none"}
CELL_LIMIT = 16 * 2**20
QUOTE_HINT = 'Write a quote inside a quoted cell twice (""), or take quotes as text: `--set data.quoting=none`.'
WRAPPED = re.compile(r'"(?:[^"]|"")*"')

log = logging.getLogger("bertkit")


class DelimitedReader:
    """Rows of a CSV or TSV input.

    Args:
        source: The input, at its start.
        format_name: "csv" or "tsv".
        settings: Delimiter, quoting, encoding and names.
        rejects: Where bad rows go.
    """

    def __init__(self, source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> None:
        lines = _refuse_nul(read_lines(source, settings.encoding, newline=""), source.name)
        if settings.delimiter or settings.names:
            self.delimiter = settings.delimiter or DELIMITERS[format_name]
        else:
            header = next(lines, "")
            self.delimiter = _delimiter_of(header, DELIMITERS[format_name], source.name)
            lines = itertools.chain([header], lines)
        self.quoting = settings.quoting or QUOTINGS[format_name]
        self._name = source.name
        self._rejects = rejects
        self._look_for_quotes = self.quoting == "none" and settings.quoting is None
        csv.field_size_limit(CELL_LIMIT)
        self._csv = csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoting == "csv" else csv.QUOTE_NONE,
            strict=True,
        )
        self._header = "data.names" if settings.names else "the header"
        self.columns = list(settings.names) if settings.names else self._read_header()
        check_header(self.columns, source.name)

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped, a NUL or undecodable byte, or a quote without end.
        """
        width = len(self.columns)
        for line, cells in self._records(blank=[] if width > 1 else [""]):
            if not cells:
                continue
            if len(cells) == width:
                yield Row(line, dict(zip(self.columns, cells, strict=True)))
            else:
                fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                names = ", ".join(self.columns)
                self._rejects.add(f"{self._name}:{line}: {fields}, {self._header} has {width}: {names}")

    def _read_header(self) -> list[str]:
        for _, cells in self._records(blank=[]):
            if cells:
                return cells
        raise DataError(f"{self._name} is empty: its first line should name the columns.", "Name a file with rows.")

    def _records(self, blank: list[str]) -> Iterator[tuple[int, list[str]]]:
        while True:
            line = self._csv.line_num + 1
            try:
                cells = next(self._csv) or blank
            except StopIteration:
                return
            except csv.Error as error:
                self._reject_quoting(line, error)
                continue
            if self._look_for_quotes:
                self._warn_of_quotes(line, cells)
            yield line, cells

    def _reject_quoting(self, line: int, error: csv.Error) -> None:
        if "unexpected end" in str(error):
            problem = f"{self._name}:{line}: a quote is opened here and never closed"
        else:
            problem = f"{self._name}:{line}: broken cell: {error} (seen on line {self._csv.line_num})"
        if self._csv.line_num > line:
            # The cell has swallowed rows nobody counted, so skipping would lose them unseen.
            raise DataError(problem, QUOTE_HINT)
        self._rejects.add(problem, f"{QUOTE_HINT} Or pass over such rows: `--set data.on_bad_row=skip`.")

    def _warn_of_quotes(self, line: int, cells: list[str]) -> None:
        if any(WRAPPED.fullmatch(cell) for cell in cells):
            self._look_for_quotes = False
            log.warning(
                "%s:%d: a cell starts and ends with a quote, and TSV takes quotes as text. "
                "If they only wrap the cells, read the file with `--set data.quoting=csv`.",
                self._name,
                line,
            )


class QuotedSink:
    """Writes rows with quotes where they are needed."""

    form = "cells"
    keeps_other_keys = False

    def __init__(self, stream: BinaryIO, columns: Sequence[str], delimiter: str) -> None:
        self._columns = columns
        self._csv = csv.writer(_UnixLines(stream), delimiter=delimiter, lineterminator="\r\n")
        self._csv.writerow(columns)

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows."""
        self._csv.writerows([as_text(row.get(column)) for column in self._columns] for row in rows)

    def close(self) -> None:
        """Holds nothing back."""


class PlainSink:
    """Writes rows without quotes; a delimiter or line end inside a cell becomes a space."""

    form = "cells"
    keeps_other_keys = False

    def __init__(self, stream: BinaryIO, columns: Sequence[str], delimiter: str) -> None:
        self._stream, self._columns, self._delimiter = stream, columns, delimiter
        self._spaces = str.maketrans(dict.fromkeys(delimiter + "\r\n", " "))
        self._warned = False
        self.write([{column: column for column in columns}])

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows."""
        for row in rows:
            cells = [as_text(row.get(column)) or "" for column in self._columns]
            plain = [cell.translate(self._spaces) for cell in cells]
            if plain != cells and not self._warned:
                self._warned = True
                log.warning("Delimiters and line ends inside cells are written as spaces: the output has no quoting.")
            self._stream.write((self._delimiter.join(plain) + "\n").encode())

    def close(self) -> None:
        """Holds nothing back."""


class _UnixLines:
    # The csv module quotes a lone CR only when CR is part of the line end it writes, so that end is cut here.
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        self._stream.write((line[:-2] + "\n").encode())


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a CSV or TSV input and reads its header."""
    return DelimitedReader(source, format_name, settings, rejects)


def open_sink(stream: BinaryIO, format_name: str, columns: Sequence[str], like: Reader | None) -> Sink:
    """Starts a CSV or TSV output with the delimiter and quoting of the input, if that had the same format."""
    delimiter, quoting = DELIMITERS[format_name], QUOTINGS[format_name]
    if isinstance(like, DelimitedReader):
        delimiter, quoting = like.delimiter, like.quoting
    return (QuotedSink if quoting == "csv" else PlainSink)(stream, columns, delimiter)


def _delimiter_of(header: str, usual: str, name: str) -> str:
    """Choose the delimiter that a header shows; the usual one, unless only another one stands there."""
    bare = WRAPPED.sub("", header)
    others = [delimiter for delimiter in OTHER_DELIMITERS if delimiter in bare]
    if usual in bare or not others:
        return usual
    delimiter = max(others, key=bare.count)
    log.info("%s: the header is separated by %s, and so the rows are read", name, OTHER_DELIMITERS[delimiter])
    return delimiter


def _refuse_nul(lines: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise DataError(
                f"{name}:{number}: there is a NUL byte, which text never holds.",
                "If the file was saved as Unicode on Windows: `--set data.encoding=utf-16`.",
            )
        yield line
