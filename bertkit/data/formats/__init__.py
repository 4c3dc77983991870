r"""File formats of tables: every module of this folder that does not start with "_" is one family.

Such a module declares `EXTENSIONS` (file name extension to format name), `open_reader` and `open_sink`; the
protocols below say what these take and give. There is no other list of formats.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

from bertkit.data._decode import choose_encoding
from bertkit.data._input import ByteSource
from bertkit.data._rows import Rejects, Row
from bertkit.recipe.schema import ReadSettings

# How the first line of a format looks, in the order of trial; what resembles none is CSV or TSV.
FIRST_LINES = {
    # A list of objects, an object that goes on over several lines, or SQuAD in one line.
    "json": re.compile(r'\[\s*(\{|$)|\{\s*($|("version"[^{]*)?"data"\s*:\s*\[\s*\{)'),
    "jsonl": re.compile(r"\{"),
    "conllu": re.compile(r"# (new(doc|par)|.* = )|1(-\d+)?(\t[^\t]+){9}$"),
    "conll": re.compile(r"-DOCSTART-|\S+([ \t]+\S+)*[ \t]+(O|[BI]-\S+)\s*$"),
}


class Reader(Protocol):
    """An input whose columns are known and whose rows are still to come."""

    columns: list[str]

    def rows(self) -> Iterator[Row]:
        """Reads row after row, once."""


class Sink(Protocol):
    """An output that rows go to.

    `form` says what it can hold: "cells" are text, "values" may be lists, "words" have a line a word. `parts_join`
    says whether outputs of the parts of an input, one after another, are the output of the whole.
    """

    form: str
    keeps_other_keys: bool
    parts_join: bool

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows; a column that a row lacks is None."""

    def state(self) -> dict[str, Any] | None:
        """Returns what `open_sink` needs to go on behind what was written, as JSON holds it.

        None while rows are held back.
        """

    def close(self) -> None:
        """Writes what is still held back; the stream below stays open."""


@runtime_checkable
class Rewriting(Protocol):
    """A sink whose format cannot grow at its end: what it wrote becomes a file of the format afterwards."""

    def rewrite(self, written: BinaryIO, target: BinaryIO) -> None:
        """Makes the file of what was written."""


class Format(Protocol):
    """A module of this folder."""

    EXTENSIONS: Mapping[str, str]

    def open_reader(self, source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
        """Opens an input and reads as far as its columns."""

    def open_sink(
        self,
        stream: BinaryIO,
        format_name: str,
        columns: Sequence[str],
        like: Reader | None,
        state: Mapping[str, Any] | None = None,
    ) -> Sink:
        """Starts an output; `like` is the reader of an input of the same format, whose habits are kept.

        With the state of another sink it goes on where that one was.
        """


@functools.cache
def formats() -> dict[str, Format]:
    """Lists the formats by name."""
    return {name: module for module in _modules() for name in module.EXTENSIONS.values()}


@functools.cache
def extensions() -> dict[str, str]:
    """Lists the extensions, each with the name of its format."""
    return {extension: name for module in _modules() for extension, name in module.EXTENSIONS.items()}


def sniff(source: ByteSource, encoding: str | None) -> str:
    """Guesses the format of an input without a name from its first line.

    Args:
        source: The input, at its start; nothing is taken from it.
        encoding: What the user has set, or None.
    """
    head = source.head()
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.decode(choose_encoding(head, encoding)[0], "ignore").lstrip("\ufeff \t\r\n")
    first = text.partition("\n")[0].rstrip("\r")
    shown = next((name for name, start in FIRST_LINES.items() if start.match(first)), None)
    return shown or ("tsv" if "\t" in first and "," not in first else "csv")


def _modules() -> list[Format]:
    names = [entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_")]
    return [cast(Format, importlib.import_module(f"{__name__}.{name}")) for name in names]
