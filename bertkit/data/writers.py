"""Rows to an output, which appears when it is whole and may be continued: `create_table`."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertkit.data._output import PartFile, StandardOutput, check_output, writing_errors
from bertkit.data._spreadsheet import is_formula, neutral
from bertkit.data.formats import Rewriting, Sink, formats
from bertkit.data.tables import Table, format_of
from bertkit.errors import DataError, UsageError

log = logging.getLogger("bertkit")


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


def _output_format(path: Path) -> str:
    try:
        return format_of(path.name.lower().removesuffix(".gz"), path)
    except DataError as error:
        raise UsageError(error.message, "Give the output one of these extensions.") from None
