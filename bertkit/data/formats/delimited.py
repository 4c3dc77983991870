"""CSV (RFC 4180) and TSV (IANA text/tab-separated-values): every cell is text exactly as it was written.

A blank line is passed over, except in a table of one column, where it is an empty cell. TSV is read and
written without quoting unless `data.quoting=csv` is set or quotes wrap the header and every cell that begins
with one; without quoting a cell cannot hold the delimiter or a line end, so these are written as spaces.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._dialect import CSV_QUOTING, DELIMITERS, QUOTINGS, WRAPPED, recognise
from bertkit.data._input import ByteSource
from bertkit.data._lines import Lines
from bertkit.data._rows import SKIP_HINT, Reject, Rejects, Row, as_text, long_cell
from bertkit.data.columns import check_header
from bertkit.data.formats import Reader, Sink
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".csv": "csv", ".tsv": "tsv"}
# The csv module counts the characters of a cell while it reads it; a lower limit is checked afterwards, so that a cell
# over several lines has been read to its end.
LEAST_LIMIT = 2**24
QUOTE_HINT = 'Write a quote inside a quoted cell twice (""), or take quotes as text: `--set data.quoting=none`.'
LIMIT_HINT = "Allow longer cells with `--set data.max_cell=NUMBER`."

log = logging.getLogger("bertkit")


class DelimitedReader:
    """Rows of a CSV or TSV input.

    Args:
        source: The input, at its start.
        format_name: "csv" or "tsv".
        settings: Delimiter, quoting, encoding, names and the longest cell.
        rejects: Where bad rows go.

    Attributes:
        columns: Names in order.
        delimiter: What stands between cells.
        quoting: "csv" or "none".
        blank: Blank lines passed over so far.
    """

    def __init__(self, source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> None:
        dialect = recognise(source, format_name, settings)
        self.delimiter, self.quoting = dialect.delimiter, dialect.quoting
        self.blank = 0
        self._name = source.name
        # A header is never skipped: the next row would be taken for it.
        self._rejects = rejects if settings.names else Rejects(source.name)
        self._look_for_quotes = self.quoting == "none" and settings.quoting is None
        self._max_cell = settings.max_cell
        csv.field_size_limit(max(csv.field_size_limit(), LEAST_LIMIT, settings.max_cell))
        self._measure = settings.max_cell < csv.field_size_limit()
        self._lines = Lines(source, settings.encoding, "", settings.max_cell)
        quoting = CSV_QUOTING[self.quoting]
        self._csv = csv.reader(self._lines, delimiter=self.delimiter, quoting=quoting, strict=True)
        self._header = "data.names" if settings.names else "the header"
        self.columns = list(settings.names) if settings.names else self._read_header()
        check_header(self.columns, source.name)
        self._rejects = rejects

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once.

        Raises:
            DataError: A bad row that must not be skipped, or a quote without end.
        """
        columns, width = self.columns, len(self.columns)
        for line, cells in self._records(blank=[] if width > 1 else [""]):
            if len(cells) != width:
                self._reject_width(line, cells)
            elif not (self._measure and self._reject_long(line, cells)):
                yield Row(line, dict(zip(columns, cells)))  # noqa: B905 - the check costs more than the rest

    def _read_header(self) -> list[str]:
        for _, cells in self._records(blank=[]):
            if cells:
                # A second byte order mark, or one inside of quotes.
                return [cells[0].removeprefix("\ufeff"), *cells[1:]]
        raise DataError(f"{self._name} is empty: its first line should name the columns.", "Name a file with rows.")

    def _records(self, blank: list[str]) -> Iterator[tuple[int, list[str]]]:
        lines, faults = self._lines, self._lines.faults
        while True:
            lines.record = line = self._csv.line_num + 1
            try:
                cells = next(self._csv) or blank
            except StopIteration:
                return
            except csv.Error as error:
                one_line = self._csv.line_num == line
                if not (one_line and faults and lines.refused(self._rejects, line, line)):
                    self._reject_quoting(line, error)
                continue
            if faults and lines.refused(self._rejects, line, self._csv.line_num):
                continue
            if self._look_for_quotes:
                self._warn_of_quotes(line, cells)
            yield line, cells

    def _reject_width(self, line: int, cells: list[str]) -> None:
        if not cells:
            self.blank += 1
            return
        fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
        reason = f"{fields}, {self._header} has {len(self.columns)}: {', '.join(self.columns)}"
        self._reject(line, None, reason, SKIP_HINT)

    def _reject_long(self, line: int, cells: list[str]) -> bool:
        column = next(
            (name for name, cell in zip(self.columns, cells, strict=True) if len(cell) > self._max_cell), None
        )
        if column is None:
            return False
        self._reject(line, column, long_cell(self._max_cell), f"{LIMIT_HINT} {SKIP_HINT}")
        return True

    def _reject_quoting(self, line: int, error: csv.Error) -> None:
        last, hint = self._csv.line_num, f"{QUOTE_HINT} {SKIP_HINT}"
        if "unexpected end" in str(error):
            reason = "a quote is opened here and never closed"
        elif "field limit" in str(error):
            reason, hint = long_cell(csv.field_size_limit()), f"{LIMIT_HINT} {SKIP_HINT}"
            if last > line:
                reason = (
                    f"a quote is opened here, and after {reason.removeprefix('a cell of more than ')} not yet closed"
                )
        else:
            reason = f"broken cell: {error} (seen on line {last})"
        if last > line:
            # The cell has swallowed rows nobody counted, so skipping would lose them unseen.
            raise DataError(f"{self._name}:{line}: {reason}", QUOTE_HINT)
        self._reject(line, None, reason, hint)

    def _reject(self, line: int, column: str | None, reason: str, hint: str) -> None:
        self._rejects.add(Reject(line, self._lines.byte(line), column, reason), hint)

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
    parts_join = True

    def __init__(self, stream: BinaryIO, columns: Sequence[str], delimiter: str, header: bool = True) -> None:
        self._columns = columns
        self._csv = csv.writer(_UnixLines(stream), delimiter=delimiter, lineterminator="\r\n")
        if header:
            self._csv.writerow(columns)

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows."""
        self._csv.writerows([as_text(row.get(column)) for column in self._columns] for row in rows)

    def state(self) -> dict[str, Any] | None:
        """Returns nothing that a further sink needs."""
        return {}

    def close(self) -> None:
        """Holds nothing back."""


class PlainSink:
    """Writes rows without quotes; a delimiter or line end inside a cell becomes a space."""

    form = "cells"
    keeps_other_keys = False
    parts_join = True

    def __init__(self, stream: BinaryIO, columns: Sequence[str], delimiter: str, header: bool = True) -> None:
        self._stream, self._columns, self._delimiter = stream, columns, delimiter
        self._spaces = str.maketrans(dict.fromkeys(delimiter + "\r\n", " "))
        self._warned = False
        if header:
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

    def state(self) -> dict[str, Any] | None:
        """Returns nothing that a further sink needs."""
        return {}

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


def open_sink(
    stream: BinaryIO,
    format_name: str,
    columns: Sequence[str],
    like: Reader | None,
    state: Mapping[str, Any] | None = None,
) -> Sink:
    """Starts a CSV or TSV output with the delimiter and quoting of the input, if that had the same format."""
    delimiter, quoting = DELIMITERS[format_name], QUOTINGS[format_name]
    if isinstance(like, DelimitedReader):
        delimiter, quoting = like.delimiter, like.quoting
    return (QuotedSink if quoting == "csv" else PlainSink)(stream, columns, delimiter, header=state is None)
