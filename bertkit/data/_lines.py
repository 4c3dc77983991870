"""Lines of text of an input that know where they are, in lines and in bytes."""

from __future__ import annotations

import io
import itertools
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from bertkit.data._decode import choose_encoding, complaint, decode
from bertkit.data._encodings import encoding_hint
from bertkit.data._input import ByteSource
from bertkit.data._rows import SKIP_HINT, Reject, Rejects
from bertkit.errors import DataError

# Even a cell that is all escapes of JSON, such as \u0041, takes less than 16 bytes a character.
BYTES_OF_CHARACTER = 16
LEAST_LIMIT = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is not all text.

    Args:
        line: Its 1-based number.
        reason: What is wrong with it.
    """

    line: int
    reason: str


class Block:
    """Neighbouring lines, as bytes.

    Args:
        first: 1-based number of the first line.
        byte: Where it starts in the input.
        data: The bytes, whole lines.
        ends: What ends a line, and the width of a character unit in bytes.
    """

    def __init__(self, first: int, byte: int, data: bytes, ends: tuple[re.Pattern[bytes], int]) -> None:
        self.first, self.byte, self.data = first, byte, data
        self._ends = ends

    def byte_of(self, line: int) -> int:
        """Tells where a line starts in the input."""
        return self.byte + self._starts[line - self.first]

    @cached_property
    def _starts(self) -> list[int]:
        pattern, unit = self._ends
        return [0, *(found.end() for found in pattern.finditer(self.data) if found.end() % unit == 0)]


class Lines:
    r"""Lines of an input, with their ends; a bad byte does not stop them but is noted.

    Args:
        source: The input, at its start.
        encoding: What the user has set, or None.
        newline: "" ends a line at LF, CR or CRLF, "\n" only at LF.
        max_cell: Characters of the longest cell, which bounds a line.

    Attributes:
        encoding: What they are decoded with.
        faults: Of the lines that are decoded but not yet asked about.
        record: The line where the current record starts; its reader sets this, and places before it are forgotten.
    """

    def __init__(self, source: ByteSource, encoding: str | None, newline: str, max_cell: int) -> None:
        self.encoding, mark = choose_encoding(source.head(), encoding)
        source.skip(mark)
        self.record = 1
        self._source, self._newline = source, newline
        self._limit = max(LEAST_LIMIT, BYTES_OF_CHARACTER * max_cell)
        self._ends = [end.encode(self.encoding) for end in ("\n", "\r")[: 1 if newline else 2]]
        feed, carriage = re.escape("\n".encode(self.encoding)), re.escape("\r".encode(self.encoding))
        self._pattern = re.compile(feed if newline else carriage + b"(?:" + feed + b")?|" + feed)
        self.faults: deque[Fault] = deque()
        self._blocks: deque[Block] = deque()
        self._first, self._byte = 1, mark
        self._lines = itertools.chain.from_iterable(self._opened())

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def refused(self, rejects: Rejects, first: int, last: int) -> bool:
        """Rejects a record if one of its lines is not all text.

        Args:
            rejects: Where it goes.
            first: The line where the record starts.
            last: Its last line; all records before have been asked about, and nobody reads a line between them.
        """
        while self.faults and self.faults[0].line < first:
            self.faults.popleft()
        if not self.faults or self.faults[0].line > last:
            return False
        fault = self.faults[0]
        while self.faults and self.faults[0].line <= last:
            self.faults.popleft()
        rejects.add(Reject(first, self.byte(first), None, self._told(fault, first)), self._hint(fault.line, rejects))
        return True

    def byte(self, line: int) -> int:
        """Tells where a line starts in the input, in bytes.

        Args:
            line: One from `record` on.
        """
        return self._block(line).byte_of(line)

    def _block(self, line: int) -> Block:
        return next(block for block in reversed(self._blocks) if block.first <= line)

    def _told(self, fault: Fault, first: int) -> str:
        return fault.reason if fault.line == first else f"line {fault.line}: {fault.reason}"

    def _hint(self, line: int, rejects: Rejects) -> str:
        if rejects.skip:
            return ""
        block = self._block(line)
        # An even place, so that the units of UTF-16 can be told apart.
        return f"{encoding_hint(self._source, self.encoding, block.data[block.byte % 2 :])} {SKIP_HINT}"

    def _opened(self) -> Iterator[io.StringIO]:
        for data in self._whole_lines():
            text, faulty = decode(data, self.encoding)
            if faulty:
                self._note_faults(text)
            while len(self._blocks) > 1 and self._blocks[1].first <= self.record:
                self._blocks.popleft()
            self._blocks.append(Block(self._first, self._byte, data, (self._pattern, len(self._ends[0]))))
            self._byte += len(data)
            self._first += self._ends_in(data, text)
            yield io.StringIO(text, newline=self._newline)

    def _ends_in(self, data: bytes, text: str) -> int:
        if len(self._ends[0]) == 1 and b"\r" not in data:
            return data.count(self._ends[0])  # many times as fast as in text beyond Latin-1
        lone = 0 if self._newline else text.count("\r") - text.count("\r\n")
        return text.count("\n") + lone

    def _note_faults(self, text: str) -> None:
        for number, line in enumerate(io.StringIO(text, newline=self._newline), self._first):
            if reason := complaint(line, self.encoding):
                self.faults.append(Fault(number, reason))

    def _whole_lines(self) -> Iterator[bytes]:
        held, searched = bytearray(), 0
        while data := self._source.read():
            held += data
            end = self._last_end(held, searched)
            if end:
                yield bytes(held[:end])
                del held[:end]
            searched = len(held)
            if searched > self._limit:
                raise DataError(
                    f"{self._source.name}:{self._first}: a line of more than {self._limit} bytes, which no table has.",
                    "Name a file of rows; or allow longer cells with `--set data.max_cell=NUMBER`.",
                )
        if held:
            yield bytes(held)

    def _last_end(self, held: bytearray, start: int) -> int:
        unit = len(self._ends[0])
        # An end may have begun in the bytes that were there before.
        return max(
            _last_aligned(held, end, max(0, start - 2 * unit), index == 1) for index, end in enumerate(self._ends)
        )


def _last_aligned(held: bytearray, end: bytes, start: int, lone: bool) -> int:
    # A carriage return that is last may be half of an end.
    unit = len(end)
    stop = len(held) - unit if lone else len(held)
    while (found := held.rfind(end, start, stop)) >= 0:
        if found % unit == 0:
            return found + unit
        stop = found + unit - 1
    return 0
