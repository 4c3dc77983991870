"""How a CSV or TSV input is divided into cells: what its header and its rows show, told where it is not the usual."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bertkit.data._decode import choose_encoding
from bertkit.data._input import ByteSource
from bertkit.recipe.schema import ReadSettings

DELIMITERS = {"csv": ",", "tsv": "\t"}
OTHER_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
QUOTINGS = {"csv": "csv", "tsv": "none"}
CSV_QUOTING: dict[str, Literal[0, 3]] = {"csv": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}
WRAPPED = re.compile(r'"(?:[^"]|"")*"')
SAMPLE = 65536
# So many of the rows must have as many cells as the header before another delimiter is taken.
ENOUGH = 0.5
# And so many before it is preferred to the usual one where the header shows both.
NEARLY_ALL = 0.95

log = logging.getLogger("bertkit")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records are divided.

    Args:
        delimiter: Stands between cells.
        quoting: "csv": a cell may be wrapped in quotes; "none": a quote is a character like any other.
    """

    delimiter: str
    quoting: str


def recognise(source: ByteSource, format_name: str, settings: ReadSettings) -> Dialect:
    """Chooses delimiter and quoting, and tells what is not usual for the format.

    Args:
        source: The input, at its start; nothing is taken from it.
        format_name: "csv" or "tsv".
        settings: What they say is not questioned.

    Returns:
        The usual dialect of the format, unless header and rows show that only another one fits. Rows are looked at in
        the head, the middle and the tail of a file, and in the head of a stream.
    """
    usual = Dialect(settings.delimiter or DELIMITERS[format_name], settings.quoting or QUOTINGS[format_name])
    samples = _Samples(source, settings, quoted=usual.quoting == "csv")
    quoting = usual.quoting
    if settings.quoting is None and quoting == "none" and samples.are_wrapped(usual.delimiter):
        quoting = "csv"
        log.info("%s: the cells of %s are wrapped in quotes, which are taken off", source.name, samples.where)
    if settings.delimiter:
        return Dialect(settings.delimiter, quoting)
    delimiter = _delimiter(samples, usual.delimiter, quoting)
    if delimiter != usual.delimiter:
        message = "%s: the header is separated by %s, and so are the rows of %s: so it is read"
        log.info(message, source.name, OTHER_DELIMITERS[delimiter], samples.where)
    return Dialect(delimiter, quoting)


class _Samples:
    # The lines of the header and of some places of an input.
    def __init__(self, source: ByteSource, settings: ReadSettings, quoted: bool) -> None:
        parts, whole = source.samples(SAMPLE)
        encoding, mark = choose_encoding(parts[0], settings.encoding)
        texts = [part.decode(encoding, "replace") for part in (parts[0][mark:], *parts[1:])]
        self.header, rest = _first_record(texts[0].lstrip("\r\n"), quoted)
        self._rows = [_whole_lines(text, cut=not whole) for text in ("\n" + rest, *texts[1:])]
        if settings.names:
            self._rows[0] = f"{self.header}\n{self._rows[0]}"
        self.width = len(settings.names or ())
        self.where = "the file" if whole else "its head, middle and tail" if len(texts) > 1 else "its head"

    def agreement(self, delimiter: str, quoting: str) -> float:
        """Returns the share of rows that have as many cells as the header."""
        width = self.width or len(next(_records(self.header, delimiter, quoting), ()))
        widths = [len(cells) for text in self._rows for cells in _records(text, delimiter, quoting) if cells]
        return widths.count(width) / len(widths) if widths else 1.0

    def are_wrapped(self, delimiter: str) -> bool:
        """Says whether all cells of the header, and all others that begin with a quote, are wrapped in quotes."""
        names = self.header.split(delimiter)
        if not all(WRAPPED.fullmatch(name) for name in names):
            return False
        cells = (cell for text in self._rows for line in text.splitlines() for cell in line.split(delimiter))
        return all(WRAPPED.fullmatch(cell) for cell in cells if cell.startswith('"'))


def _delimiter(samples: _Samples, usual: str, quoting: str) -> str:
    bare = WRAPPED.sub("", samples.header)
    others = [delimiter for delimiter in OTHER_DELIMITERS if delimiter in bare and delimiter != usual]
    if not others:
        return usual
    fits = {delimiter: samples.agreement(delimiter, quoting) for delimiter in others}
    # Of equal ones the one that the header has more often.
    best = max(others, key=lambda delimiter: (fits[delimiter], bare.count(delimiter)))
    if usual in bare:
        clear = fits[best] >= NEARLY_ALL and samples.agreement(usual, quoting) < ENOUGH
        return best if clear else usual
    return best if fits[best] >= ENOUGH else usual


def _records(text: str, delimiter: str, quoting: str) -> Iterator[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=CSV_QUOTING[quoting])
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            continue


def _first_record(text: str, quoted: bool) -> tuple[str, str]:
    """Divide a text after its first line, or after the line where a quote that is opened there is closed."""
    end = text.find("\n") + 1 or len(text)
    closed = end
    while quoted and text.count('"', 0, closed) % 2 and closed < len(text):
        closed = text.find("\n", closed) + 1 or len(text)
    end = end if text.count('"', 0, closed) % 2 else closed
    return text[:end].rstrip("\r\n"), text[end:]


def _whole_lines(text: str, *, cut: bool) -> str:
    """Drop the first line of a sample, of which it may lack the start, and the last one if it may lack the end."""
    start, end = text.find("\n") + 1, text.rfind("\n") + 1
    return text[start : end if cut else len(text)]
