"""Sentences to lines, a word each: CoNLL with the columns that have a value for every word, and CoNLL-U."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from bertkit.data._rows import as_text
from bertkit.data.formats._conllu import FIELD_OF_COLUMN
from bertkit.errors import DataError, UsageError

LOOKED_AT = 1000
NO_VALUE = "_"
JSONL_HINT = "Name an output in .jsonl, which holds any row."

log = logging.getLogger("bertkit")


class ConllSink:
    """Writes a line a word and an empty line after each sentence.

    The first rows decide which columns go along: those whose values are lists as long as the words. The words come
    first, the others in the given order; a row without a value has `_` there. White space inside a value would split
    it, so it is written as a blank, or as `_` where blanks separate the columns.

    Args:
        stream: Where the bytes go.
        columns: Names in order.
        words: The column that holds the words.
        separator: A tab or a blank.
        kept: The columns that go along, where they are chosen already.

    Raises:
        UsageError: There is no such column.
    """

    form = "words"
    keeps_other_keys = False
    parts_join = False

    def __init__(
        self, stream: BinaryIO, columns: Sequence[str], words: str, separator: str, kept: Sequence[str] = ()
    ) -> None:
        if words not in columns:
            raise _not_words(words)
        self._stream, self._columns, self._words, self._separator = stream, columns, words, separator
        self._kept = list(kept)
        blank = " " if separator == "\t" else NO_VALUE
        self._splitting = str.maketrans(dict.fromkeys("\t\r\n" + separator, blank))

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows.

        Raises:
            DataError: A value that was a list as long as the words no longer is.
            UsageError: The words are no list.
        """
        rows = iter(rows)
        if not self._kept and (first := list(itertools.islice(rows, LOOKED_AT))):
            self._choose(first)
            self._begin()
            rows = itertools.chain(first, rows)
        for row in rows:
            lines = map(self._separator.join, zip(*self._cells(row), strict=True))
            self._stream.write("".join(f"{line}\n" for line in [*lines, ""]).encode())

    def state(self) -> dict[str, Any] | None:
        """Returns which columns go along."""
        return {"kept": self._kept}

    def close(self) -> None:
        """Holds nothing back."""

    def _choose(self, rows: Sequence[Mapping[str, Any]]) -> None:
        others = [column for column in self._columns if column != self._words]
        by_word = [column for column in others if _is_by_word(column, self._words, rows)]
        if left_out := [column for column in others if column not in by_word]:
            log.info("The output has a line a word; left out, as they have no value a word: %s", ", ".join(left_out))
        self._kept = [self._words, *by_word]

    def _begin(self) -> None:
        """Write what comes before the first sentence."""

    def _cells(self, row: Mapping[str, Any]) -> list[list[str]]:
        words = row.get(self._words)
        if not isinstance(words, list):
            raise _not_words(self._words)
        cells = []
        for column in self._kept:
            values = row.get(column)
            values = [None] * len(words) if values is None else values
            if not isinstance(values, list) or len(values) != len(words):
                sentence = " ".join(str(word) for word in words[:8])
                problem = f'column "{column}" has not one value for each of the {len(words)} words of "{sentence}"'
                raise DataError(problem, JSONL_HINT)
            cells.append([self._cell(value) for value in values])
        return cells

    def _cell(self, value: Any) -> str:
        text = as_text(value)
        if text is None or (not text and self._separator == " "):
            return NO_VALUE
        return text.translate(self._splitting)


class ConlluSink(ConllSink):
    """Writes CoNLL-U, or CoNLL-U Plus where the columns are not its ten; a row without ids gets them.

    Args:
        stream: Where the bytes go.
        columns: Names in order.
        words: The column that holds the words.
        kept: The columns that go along, where they are chosen already.
        numbered: Whether the rows get ids.

    Raises:
        UsageError: There is no such column.
    """

    def __init__(
        self, stream: BinaryIO, columns: Sequence[str], words: str, kept: Sequence[str] = (), numbered: bool = False
    ) -> None:
        super().__init__(stream, columns, words, "\t", kept)
        self._numbered = numbered

    def state(self) -> dict[str, Any] | None:
        """Returns which columns go along, and whether they get ids."""
        return {"kept": self._kept, "numbered": self._numbered}

    def _begin(self) -> None:
        self._numbered = "id" not in self._kept
        others = [column for column in self._kept if column not in {"id", self._words}]
        if not self._numbered:
            self._kept = ["id", self._words, *others]
        fields = ["ID", "FORM", *(FIELD_OF_COLUMN.get(column, self._one_word(column)) for column in others)]
        if fields != list(FIELD_OF_COLUMN.values()):
            self._stream.write(f"# global.columns = {' '.join(fields)}\n".encode())

    def _cells(self, row: Mapping[str, Any]) -> list[list[str]]:
        cells = super()._cells(row)
        if self._numbered:
            numbers = [str(number) for number in range(1, len(cells[0]) + 1)]
            cells.insert(0, numbers)
        return cells

    def _cell(self, value: Any) -> str:
        return super()._cell(value) or NO_VALUE

    @staticmethod
    def _one_word(name: str) -> str:
        return "_".join(name.split())


def _is_by_word(column: str, words: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    pairs = [(row[column], row.get(words)) for row in rows if row.get(column) is not None]
    return bool(pairs) and all(
        isinstance(values, list)
        and isinstance(of, list)
        and len(values) == len(of)
        and not any(isinstance(value, list | dict) for value in values)
        for values, of in pairs
    )


def _not_words(column: str) -> UsageError:
    return UsageError(
        f'The output has a line a word, and the rows have no list of words in a column "{column}".', JSONL_HINT
    )
