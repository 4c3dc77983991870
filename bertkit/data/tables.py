"""Tables of rows, read and written as streams: `open_table`, `create_table`."""

from __future__ import annotations

import codecs
import difflib
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertkit.data._input import ByteSource, open_source
from bertkit.data._output import PartFile, StandardOutput, check_output, writing_errors
from bertkit.data._rows import Reject, Rejects, Row, as_text
from bertkit.data._spreadsheet import is_formula, neutral
from bertkit.data.formats import Rewriting, Sink, extensions, formats, sniff
from bertkit.errors import DataError, UsageError
from bertkit.recipe.schema import ReadSettings

log = logging.getLogger("bertkit")
__all__ = ["Mark", "Reject", "Rejects", "Row", "Table", "Writer", "as_text", "create_table", "open_table"]


class Table:
    """Rows of an input, read once from front to back; also a context manager that closes the input.

    Args:
        source: The input, at its start.
        format_name: A name from `formats()`.
        settings: How to read it.
        listener: Called for each bad row that is passed over.

    Attributes:
        name: What messages call it: the path as given, or "stdin".
        path: The file, or None for standard input.
        format: The name of the format.
        columns: Names in order.
        rows_read: Good rows given out so far.
        rejects: Bad rows passed over so far.
        reader: The format's own reader.
    """

    def __init__(
        self,
        source: ByteSource,
        format_name: str,
        settings: ReadSettings,
        listener: Callable[[Reject], None] | None = None,
    ) -> None:
        self.name = source.name
        self.path = source.path
        self.format = format_name
        self.rejects = Rejects(source.name, skip=settings.on_bad_row == "skip", listener=listener)
        self.reader = formats()[format_name].open_reader(source, format_name, settings, self.rejects)
        self.columns = self.reader.columns
        self._source = source
        self.rows_read = 0
        self._rows = self._counted(self.reader.rows())

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

    @property
    def blank(self) -> int:
        """Blank lines that were passed over so far; none in formats where they mean something or cannot be."""
        return int(getattr(self.reader, "blank", 0))

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows_read += 1
            yield row
        if self.blank:
            log.info("%s: %d rows read, %d blank lines passed over", self.name, self.rows_read, self.blank)


@dataclass(frozen=True)
class Mark:
    """A place in an unfinished output from where it can be continued.

    Args:
        size: Bytes in front of it, all on the disk.
        sink: What the format must know to go on, as JSON holds it.
    """

    size: int
    sink: Mapping[str, Any]


class Writer:
    """Rows to an output; a context manager that completes the output only when the block ends without an error.

    After an error what was written is removed, unless a place in it was marked: then it stays, to be continued.

    Args:
        name: What messages call the output.
        output: Where the bytes go.
        columns: Names in order.
        sink: The format's own writer.
        format_name: A name from `formats()`.
        spreadsheet: Write no cell that a spreadsheet program would compute.
        mark: Where this output goes on, or None at its beginning.
    """

    def __init__(
        self,
        name: str,
        output: PartFile | StandardOutput,
        columns: Sequence[str],
        sink: Sink,
        format_name: str,
        spreadsheet: bool = False,
        mark: Mark | None = None,
    ) -> None:
        self.name = name
        self.format = format_name
        self.form = sink.form
        self.columns = list(columns)
        self._output = output
        self._sink = sink
        self._spreadsheet = spreadsheet
        self._marked = mark is not None
        self._may_lose_keys = not sink.keeps_other_keys
        self._may_hold_formulas = sink.form == "cells" and not spreadsheet and isinstance(output, PartFile)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with writing_errors(self.name):
                    self._finish()
        except BaseException:
            self._abandon()
            raise
        if kind is not None:
            self._abandon()

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows.

        Args:
            rows: Column name to plain Python value; a missing column is empty. Other keys are left out with a
                warning, unless the format keeps them.

        Raises:
            MachineError: The disk is full or fails.
        """
        with writing_errors(self.name):
            self._sink.write(self._prepared(rows))
            self._output.flush()

    def cut(self) -> None:
        """Ends a piece of a compressed output, so that what follows does not depend on it."""
        with writing_errors(self.name):
            self._output.cut()

    def mark(self) -> Mark | None:
        """Waits until all rows are on the disk, and returns where the output can be continued.

        None where that is impossible: on standard output, or while the format holds rows back.

        Raises:
            MachineError: The disk is full or fails.
        """
        state = self._sink.state()
        if state is None or not isinstance(self._output, PartFile):
            return None
        with writing_errors(self.name):
            return Mark(self._output.sync(), state)

    def keep(self) -> None:
        """Tells that the last mark was noted: from now on an error leaves what was written."""
        self._marked = True

    def _finish(self) -> None:
        self._sink.close()
        if isinstance(self._sink, Rewriting) and isinstance(self._output, PartFile):
            self._output.rewrite(self._sink.rewrite)
        else:
            self._output.commit()

    def _abandon(self) -> None:
        if self._marked:
            self._output.leave()
        else:
            self._output.discard()

    def _prepared(self, rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        if self._may_lose_keys or self._may_hold_formulas:
            rows = self._watched(rows)
        if self._spreadsheet:
            rows = ({neutral(name): neutral(row.get(name)) for name in self.columns} for row in rows)
        return rows

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
            if self._may_hold_formulas and any(map(is_formula, row.values())):
                self._may_hold_formulas = False
                log.info(
                    "%s: some cells begin with = + - or @, and a spreadsheet program would compute them; "
                    "for such a program write it with --for-spreadsheet",
                    self.name,
                )
            yield row


def open_table(
    path: str | Path, settings: ReadSettings | None = None, listener: Callable[[Reject], None] | None = None
) -> Table:
    """Opens rows for reading and reads as far as the names of the columns. A table without rows is allowed.

    Args:
        path: A file whose extension says its format, also with `.gz` or as the only member of a `.zip`; "-" is
            standard input.
        settings: Format, encoding, delimiter, quoting, names, and what to do with bad rows.
        listener: Called for each bad row that is passed over, also for those before the first good one.

    Raises:
        DataError: The file is missing or empty, its format is unknown, or its header cannot be used.
    """
    settings = settings or ReadSettings()
    source = open_source(path)
    try:
        return Table(source, _input_format(source, settings), settings, listener)
    except BaseException:
        source.close()
        raise


def create_table(
    path: str | Path,
    like: Table,
    added: Sequence[str],
    *,
    overwrite: bool = False,
    format: str | None = None,
    spreadsheet: bool = False,
    first: bool = True,
    resume: Callable[[int], Mark | None] | None = None,
) -> Writer:
    """Starts an output that holds the columns of an input and some more, or continues one.

    CSV and TSV always begin with a header, also when the input has none. JSON is a list of objects, also when the
    input is nested. CoNLL keeps the columns that have a value for each word.

    Args:
        path: A file whose extension says its format, also with `.gz`; "-" is standard output, in the
            format of the input.
        like: The input; an output of the same format keeps its delimiter, quoting, separator or column types.
        added: Names of the columns that come after those of the input.
        overwrite: Replace an existing file.
        format: Name of the format when the extension does not say it.
        spreadsheet: For CSV and TSV: a byte order mark, and no cell that a spreadsheet program would compute.
        first: Whether no other part of the same output stands before this one.
        resume: Called when nobody else can write the output, with the bytes of an unfinished one: says where to
            continue it, or None to begin anew.

    Raises:
        DataError: An added column is already there.
        UsageError: The output exists or is the input, another process writes it, its format is unknown, cannot hold
            such rows or cannot be written in parts, or it is Parquet on stdout.
    """
    if taken := [column for column in added if column in like.columns]:
        raise DataError(f'{like.name} has a column "{taken[0]}" already.', "Rename it in the input.")
    columns = [*like.columns, *added]
    format_name = _chosen_format(path, like, format)
    if spreadsheet and format_name not in ("csv", "tsv"):
        raise UsageError(f"{path} is {format_name}; a spreadsheet program reads CSV or TSV.", "-o FILE.csv")
    name = "standard output" if str(path) == "-" else str(path)
    output, mark = (StandardOutput(), None) if str(path) == "-" else _claimed(Path(path), like, overwrite, resume)
    reader = like.reader if format_name == like.format else None
    state = mark.sink if mark else None if first else {}
    try:
        with writing_errors(name):
            if spreadsheet and state is None:
                output.stream.write(codecs.BOM_UTF8)
            header = list(map(neutral, columns)) if spreadsheet else columns
            sink = formats()[format_name].open_sink(output.stream, format_name, header, reader, state)
        if not (first or sink.parts_join):
            raise UsageError(f"{path}: parts of {format_name} do not make a whole.", "-o FILE.jsonl, .csv or .tsv")
    except BaseException:
        if mark:
            output.leave()
        else:
            output.discard()
        raise
    return Writer(name, output, columns, sink, format_name, spreadsheet, mark)


def _claimed(
    path: Path, like: Table, overwrite: bool, resume: Callable[[int], Mark | None] | None
) -> tuple[PartFile, Mark | None]:
    """Open an output that no other process writes, with the place from where it goes on."""
    check_output(path, like.path, overwrite=overwrite)
    output = PartFile(path, packed=path.suffix.lower() == ".gz")
    try:
        # Another process may have finished it in the meantime.
        check_output(path, like.path, overwrite=overwrite)
        mark = resume(output.size) if resume else None
        with writing_errors(str(path)):
            output.start(mark.size if mark else 0)
    except BaseException:
        output.leave()
        raise
    return output, mark


def _chosen_format(path: str | Path, like: Table, wanted: str | None) -> str:
    if str(path) != "-":
        return wanted or _output_format(Path(path))
    if (wanted or like.format) == "parquet":
        raise UsageError("Parquet cannot be streamed to standard output.", "Name a file, such as out.parquet.")
    return wanted or like.format


def _input_format(source: ByteSource, settings: ReadSettings) -> str:
    if settings.format is None:
        return _format_of(source.inner, source.path) if source.path else sniff(source, settings.encoding)
    if settings.format not in formats():
        near = difflib.get_close_matches(settings.format.lower(), formats(), n=1)
        raise DataError(
            f'data.format: "{settings.format}" is not a format; known are {", ".join(sorted(formats()))}.',
            f"Did you mean `--set data.format={near[0]}`?" if near else "Name one of these.",
        )
    return settings.format


def _format_of(name: str, path: Path) -> str:
    extension = Path(name.lower()).suffix
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
        return _format_of(path.name.lower().removesuffix(".gz"), path)
    except DataError as error:
        raise UsageError(error.message, "Give the output one of these extensions.") from None
