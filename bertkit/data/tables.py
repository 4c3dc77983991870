"""Tables of rows, read as streams: `open_table`."""

from __future__ import annotations

import difflib
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from bertkit.data._input import ByteSource, open_source
from bertkit.data._rows import Reject, Rejects, Row, as_text
from bertkit.data.formats import extensions, formats, sniff
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

log = logging.getLogger("bertkit")
__all__ = ["Reject", "Rejects", "Row", "Table", "as_text", "format_of", "open_table"]


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


def _input_format(source: ByteSource, settings: ReadSettings) -> str:
    if settings.format is None:
        return format_of(source.inner, source.path) if source.path else sniff(source, settings.encoding)
    if settings.format not in formats():
        near = difflib.get_close_matches(settings.format.lower(), formats(), n=1)
        raise DataError(
            f'data.format: "{settings.format}" is not a format; known are {", ".join(sorted(formats()))}.',
            f"Did you mean `--set data.format={near[0]}`?" if near else "Name one of these.",
        )
    return settings.format


def format_of(name: str, path: Path) -> str:
    """Return the format that a name's extension says.

    Args:
        name: Without `.gz`.
        path: What messages call it.

    Raises:
        DataError: There is no such extension.
    """
    extension = Path(name.lower()).suffix
    try:
        return extensions()[extension]
    except KeyError:
        known = ", ".join(sorted(extensions()))
        raise DataError(
            f'{path}: unknown extension "{extension}"; known are {known}, each also with .gz.',
            "Say what it is, for example `--set data.format=csv`.",
        ) from None
