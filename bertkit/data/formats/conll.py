"""CoNLL, CoNLL-U and CoNLL-U Plus: one word a line, one row a sentence, whose values are lists as long as its words.

CoNLL has columns separated by tabs, or by blanks where the first word's line has no tab: "tokens" first, "tags" last,
"column_2" and so on between them. A line without any text ends a sentence, and so does a `-DOCSTART-` line.
CoNLL-U has the ten columns of https://universaldependencies.org/format.html in lower case, with FORM as "tokens"; the
line `# global.columns = ...` of CoNLL-U Plus names others. Comments, multiword tokens and empty nodes are left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._input import ByteSource
from bertkit.data._lines import Lines
from bertkit.data._rows import Reject, Rejects, Row, long_cell
from bertkit.data.columns import check_header
from bertkit.data.formats import Reader, Sink
from bertkit.data.formats._conll_sink import ConllSink, ConlluSink
from bertkit.data.formats._conllu import COLUMN_OF_FIELD, GLOBAL_COLUMNS
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

EXTENSIONS = {".conll": "conll", ".iob": "conll", ".bio": "conll", ".conllu": "conllu", ".conllup": "conllu"}
BLANKS = re.compile(r"[ \t]+")
# Where no id stands before it, a word may begin with #.
COMMENT = re.compile("# ")
# A multiword token has the id 3-4 and an empty node 8.1.
COMMENT_OR_NO_WORD = re.compile(r"#|[0-9]+[-.][0-9]+\t")
NOTHING = re.compile("(?!)")
EMPTY_HINT = "Name a file with a word a line and an empty line after each sentence."
Sentence = list[tuple[int, list[str]]]


class ConllReader:
    """Sentences of a CoNLL or CoNLL-U input.

    Args:
        source: The input, at its start.
        format_name: "conll" or "conllu".
        settings: Encoding, names and the longest cell.
        rejects: Where sentences go that have a line with another number of columns, or one that is not text.

    Attributes:
        columns: Names in order.
        words: The column that holds the words.
        separator: A tab or a blank.

    Raises:
        DataError: There is no word, or the names do not fit the columns.
    """

    def __init__(self, source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> None:
        self._name, self._rejects = source.name, rejects
        self._max_cell = settings.max_cell
        self._source = Lines(source, settings.encoding, "\n", settings.max_cell)
        self._lines: Iterator[tuple[int, str]] = enumerate((line.rstrip("\r\n") for line in self._source), 1)
        named = self._declared() if format_name == "conllu" else []
        self._left_out = (COMMENT_OR_NO_WORD if named[0] == "id" else COMMENT) if named else NOTHING
        number, line = self._first_word()
        self.separator = "\t" if named or "\t" in line else " "
        usual = named or _plain_names(len(self._cells(line)))
        self.columns = list(settings.names or usual)
        if len(self.columns) != len(usual):
            problem = f"{source.name}:{number}: {len(usual)} columns, data.names has {len(self.columns)}"
            raise DataError(f"{problem}: {', '.join(self.columns)}", "Name each column once.")
        check_header(self.columns, source.name)
        self.words = self.columns[usual.index("tokens")]

    def rows(self) -> Iterator[Row]:
        """Reads sentence after sentence, once; the line of a row is that of its first word.

        Raises:
            DataError: A bad sentence that must not be skipped.
        """
        faults = self._source.faults
        for sentence in self._sentences():
            first, last = sentence[0][0], sentence[-1][0]
            if faults and self._source.refused(self._rejects, first, last):
                continue
            line, column, problem = self._refusal(sentence)
            if problem:
                reason = problem if line == first else f"line {line}: {problem}"
                self._rejects.add(Reject(first, self._source.byte(first), column, reason))
            else:
                columns = map(list, zip(*(cells for _, cells in sentence), strict=True))
                yield Row(first, dict(zip(self.columns, columns, strict=True)))

    def _refusal(self, sentence: Sentence) -> tuple[int, str | None, str]:
        width = len(self.columns)
        for line, cells in sentence:
            if len(cells) != width:
                there = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
                return line, None, f"{there}, expected {width}: {', '.join(self.columns)}"
            for column, cell in zip(self.columns, cells, strict=True):
                if len(cell) > self._max_cell:
                    return line, column, long_cell(self._max_cell)
        return 0, None, ""

    def _declared(self) -> list[str]:
        first = next(self._lines, (1, ""))
        declared = GLOBAL_COLUMNS.match(first[1])
        if not declared:
            self._lines = itertools.chain([first], self._lines)
            return list(COLUMN_OF_FIELD.values())
        # Names are never skipped.
        self._source.refused(Rejects(self._name), 1, 1)
        names = [COLUMN_OF_FIELD.get(field, field) for field in declared[1].split()]
        if "tokens" not in names:
            raise DataError(f"{self._name}:1: # global.columns names no column FORM.", "Name the words' column FORM.")
        return names

    def _first_word(self) -> tuple[int, str]:
        for number, line in self._lines:
            self._source.record = number
            if not _ends_sentence(line) and not self._left_out.match(line):
                self._lines = itertools.chain([(number, line)], self._lines)
                return number, line
        raise DataError(f"{self._name} is empty: it has no line with a word.", EMPTY_HINT)

    def _sentences(self) -> Iterator[Sentence]:
        sentence: Sentence = []
        for number, line in itertools.chain(self._lines, [(0, "")]):
            if not sentence:
                self._source.record = number
            if not _ends_sentence(line):
                if self._left_out.match(line):
                    continue
                sentence.append((number, self._cells(line)))
            elif sentence:
                yield sentence
                sentence = []

    def _cells(self, line: str) -> list[str]:
        return line.split("\t") if self.separator == "\t" else BLANKS.split(line.strip(" \t"))


def open_reader(source: ByteSource, format_name: str, settings: ReadSettings, rejects: Rejects) -> Reader:
    """Opens a CoNLL or CoNLL-U input and reads as far as its first word."""
    return ConllReader(source, format_name, settings, rejects)


def open_sink(
    stream: BinaryIO,
    format_name: str,
    columns: Sequence[str],
    like: Reader | None,
    state: Mapping[str, Any] | None = None,
) -> Sink:
    """Starts a CoNLL or CoNLL-U output with the separator of the input, if that had the same format.

    Raises:
        UsageError: No column holds words.
    """
    words, separator = (like.words, like.separator) if isinstance(like, ConllReader) else ("tokens", "\t")
    if format_name == "conllu":
        return ConlluSink(stream, columns, words, **(state or {}))
    return ConllSink(stream, columns, words, separator, **(state or {}))


def _ends_sentence(line: str) -> bool:
    return not line.strip(" \t") or line.startswith("-DOCSTART-")


def _plain_names(width: int) -> list[str]:
    between = [f"column_{position}" for position in range(2, width)]
    return ["tokens", *between, "tags"] if width > 1 else ["tokens"]
