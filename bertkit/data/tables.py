"""Tables of rows, read and written as streams: `open_table`, `create_table`."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertkit.data._input import ByteSource, open_source
from bertkit.data._output import PartFile, StandardOutput, check_output
from bertkit.data._rows import Rejects, Row, as_text
from bertkit.data.durable import disk_errors
from bertkit.data.formats import Sink, extensions, formats, sniff
from bertkit.errors import DataError, UsageError
from bertkit.recipe.schema import ReadSettings

log = logging.getLogger("bertkit")
__all__ = ["Rejects", "Row", "Table", "Writer", "as_text", "create_table", "open_table"]


class Table:
    """Rows of an input, read once from front to back; also a context manager that closes the input.

    Args:
        source: The input, at its start.
        format_name: A name from `formats()`.
        settings: How to read it.

    Attributes:
        name: What messages call it: the path as given, or "stdin".
        path: The file, or None for standard input.
        format: The name of the format.
        columns: Names in order.
        rejects: Bad rows passed over so far.
        reader: The format's own reader.
    """

    def __init__(self, source: ByteSource, format_name: str, settings: ReadSettings) -> None:
        self.name = source.name
        self.path = source.path
        self.format = format_name
        self.rejects = Rejects(skip=settings.on_bad_row == "skip")
        self.reader = formats()[format_name].open_reader(source, format_name, settings, self.rejects)
        self.columns = self.reader.columns
        self._source = source
        self._rows = self.reader.rows()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def chunks(self, size: int) -> Iterator[list[Row]]:
        """Groups the rows that are still to come.

        Args:
            size: Rows in a chunk; the last one may have fewer.
        """
        while chunk := list(itertools.islice(self._rows, size)):
            yield chunk


class Writer:
    """Rows to an output; a context manager that keeps the output only when the block ends without an error.

    Args:
        name: What messages call the output.
        output: Where the bytes go.
        columns: Names in order.
        sink: The format's own writer.
        format_name: A name from `formats()`.
    """

    def __init__(
        self, name: str, output: PartFile | StandardOutput, columns: Sequence[str], sink: Sink, format_name: str
    ) -> None:
        self.name = name
        self.format = format_name
        self.form = sink.form
        self.columns = list(columns)
        self._output = output
        self._sink = sink
        self._may_lose_keys = not sink.keeps_other_keys

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            with contextlib.suppress(Exception):  # the first error is the one to report
                self._sink.close()
            self._output.discard()
            return
        try:
            with disk_errors(self.name):
                self._sink.close()
                self._output.commit()
        except BaseException:
            self._output.discard()
            raise

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows.

        Args:
            rows: Column name to plain Python value; a missing column is empty. Other keys are left out with a
                warning, unless the format keeps them.

        Raises:
            MachineError: The disk is full.
        """
        with disk_errors(self.name):
            self._sink.write(self._watched(rows) if self._may_lose_keys else rows)
            self._output.flush()

    def _watched(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        known = set(self.columns)
        for row in rows:
            if self._may_lose_keys and (lost := row.keys() - known):
                self._may_lose_keys = False
                log.warning(
                    '%s: key "%s" is not in the first row and so has no column; an output in .jsonl keeps such keys',
                    self.name,
                    min(lost),
                )
            yield row


def open_table(path: str | Path, settings: ReadSettings | None = None) -> Table:
    """Opens rows for reading and reads as far as the names of the columns. A table without rows is allowed.

    Args:
        path: A file whose extension says its format, also with `.gz`; "-" is standard input.
        settings: Format, encoding, delimiter, quoting, names, and what to do with bad rows.

    Raises:
        DataError: The file is missing or empty, its format is unknown, or its header cannot be used.
    """
    settings = settings or ReadSettings()
    source = open_source(path)
    try:
        return Table(source, _input_format(source, settings), settings)
    except BaseException:
        source.close()
        raise


def create_table(
    path: str | Path, like: Table, added: Sequence[str], *, overwrite: bool = False, format: str | None = None
) -> Writer:
    """Starts an output that holds the columns of an input and some more.

    CSV and TSV always begin with a header, also when the input has none. JSON is a list of objects, also when the
    input is nested. CoNLL keeps the columns that have a value for each word.

    Args:
        path: A file whose extension says its format, also with `.gz`; "-" is standard output, in the
            format of the input.
        like: The input; an output of the same format keeps its delimiter, quoting, separator or column types.
        added: Names of the columns that come after those of the input.
        overwrite: Replace an existing file.
        format: Name of the format when the extension does not say it.

    Raises:
        DataError: An added column is already there.
        UsageError: The output exists or is the input, its format is unknown or cannot hold such rows, or it is
            Parquet on stdout.
    """
    if taken := [column for column in added if column in like.columns]:
        raise DataError(f'{like.name} has a column "{taken[0]}" already.', "Rename it in the input.")
    columns = [*like.columns, *added]
    if str(path) == "-":
        format_name = format or like.format
        if format_name == "parquet":
            raise UsageError("Parquet cannot be streamed to standard output.", "Name a file, such as out.parquet.")
        output: PartFile | StandardOutput = StandardOutput()
    else:
        path = Path(path)
        format_name = format or _output_format(path)
        check_output(path, like.path, overwrite=overwrite)
        output = PartFile(path)
    reader = like.reader if format_name == like.format else None
    try:
        sink = formats()[format_name].open_sink(output.stream, format_name, columns, reader)
    except BaseException:
        output.discard()
        raise
    return Writer(str(path), output, columns, sink, format_name)


def _input_format(source: ByteSource, settings: ReadSettings) -> str:
    if settings.format is None:
        return _format_of(source.path) if source.path else sniff(source, settings.encoding)
    if settings.format not in formats():
        near = difflib.get_close_matches(settings.format.lower(), formats(), n=1)
        raise DataError(
            f'data.format: "{settings.format}" is not a format; known are {", ".join(sorted(formats()))}.',
            f"Did you mean `--set data.format={near[0]}`?" if near else "Name one of these.",
        )
    return settings.format


def _format_of(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    extension = Path(name).suffix
    try:
        return extensions()[extension]
    except KeyError:
        known = ", ".join(sorted(extensions()))
        raise DataError(
            f'{path}: unknown extension "{extension}"; known are {known}, each also with .gz.',
            "Say what it is, for example `--set data.format=csv`.",
        ) from None


def _output_format(path: Path) -> str:
    try:
        return _format_of(path)
    except DataError as error:
        raise UsageError(error.message, "Give the output one of these extensions.") from None
