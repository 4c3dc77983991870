"""Small hostile CSV files, each with what a right reader makes of it: exact cells, or an error that names the line."""

from __future__ import annotations

from dataclasses import dataclass

Cells = list[list[str]]
ROWS = 60
# A number that is in no message by chance.
BAD_LINE = 37
LONG = "x" * 200_000


@dataclass(frozen=True, slots=True)
class Case:
    """A file and what is right.

    Args:
        name: What is hostile about it.
        content: Its bytes.
        cells: Header and rows; None where only an error is right.
        line: The line that the error must name; 0: any error will do.
    """

    name: str
    content: bytes
    cells: Cells | None = None
    line: int = 0


def cases() -> list[Case]:
    """Make the corpus."""
    return [*_readable(), *_broken()]


def _readable() -> list[Case]:
    words = ["NA", "null", "None", "n/a", "NaN", "nan", "-", "#N/A"]
    numbers = ["007", "1e5", "True", "false", "1.50", "-0", "2024-01-02", "+1"]
    cells = {
        "NA, null, None as text": [words, words[::-1]],
        "007, 1e5, True as text": [numbers, numbers[::-1]],
        "empty cells, quoted or not": [["", "a"], ["b", ""]],
        "quotes, delimiters and line ends in cells": [['say "hi"', "a,b"], ["one\ntwo", "\r\nthree\r\n"], ['"', '""']],
        "blanks around cells": [[" a ", "b  "], ["  ", "c"]],
        "U+2028, U+0085, VT, FF in cells": [["a\u2028b", "c\x85d"], ["e\x0bf", "g\x0ch"]],
        "a cell of 200,000 characters": [[LONG, "1"], ["short", "2"]],
        "one cell looks like another encoding": [["é\u0301 ß 漢字 😀", "1"], ["\ufeff", "2"]],
    }
    made = [
        Case(name, _csv([[f"column{i}" for i in range(len(rows[0]))], *rows]), [_header(rows), *rows])
        for name, rows in cells.items()
    ]
    plain = [["text", "label"], ["one", "1"], ["two", "2"]]
    return [
        *made,
        Case("byte order mark", b"\xef\xbb\xbf" + _csv(plain), plain),
        Case("CR alone ends lines", b"text,label\rone,1\rtwo,2\r", plain),
        Case("no line end at the end", b"text,label\none,1\ntwo,2", plain),
        Case("a column without a name", b",text\n0,one\n1,two\n", [["", "text"], ["0", "one"], ["1", "two"]]),
        Case("header only", b"text,label\n", [["text", "label"]]),
    ]


def _broken() -> list[Case]:
    lines = [b"text,label", *(b"row %d,%d" % (number, number % 2) for number in range(2, ROWS + 2))]

    def with_line(bad: bytes) -> bytes:
        return b"\n".join([*lines[: BAD_LINE - 1], bad, *lines[BAD_LINE:]]) + b"\n"

    more = b"\n".join([lines[0], *(line + b",0" for line in lines[1:])]) + b"\n"
    trailing = b"\n".join([lines[0], *(line + b"," for line in lines[1:])]) + b"\n"
    return [
        Case("one row has a field more", with_line(b"a,b,c"), line=BAD_LINE),
        Case("one row has a field less", with_line(b"a"), line=BAD_LINE),
        Case("every row has a field more than the header", more, line=2),
        Case("every row ends with a delimiter", trailing, line=2),
        Case("a quote is never closed", with_line(b'"a,1'), line=BAD_LINE),
        Case("text behind a closing quote", with_line(b'"a" b,1'), line=BAD_LINE),
        Case("a byte that is not UTF-8", with_line(b"caf\xe9,1"), line=BAD_LINE),
        Case("a surrogate in UTF-8", with_line(b"a\xed\xa0\x80b,1"), line=BAD_LINE),
        Case("a NUL byte", with_line(b"a\0b,1"), line=BAD_LINE),
        Case("the same column twice", b"text,text\na,b\n"),
        Case("empty", b""),
    ]


def _header(rows: Cells) -> list[str]:
    return [f"column{i}" for i in range(len(rows[0]))]


def _csv(rows: Cells) -> bytes:
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows).encode()


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",\r\n') or not cell else cell
