import io

import pytest

from bertkit.data._input import ByteSource
from bertkit.data._lines import Lines
from bertkit.data._rows import Rejects
from bertkit.errors import DataError

ENCODINGS = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252", "shift_jis", "gb18030", "cp037"]


class Drops(io.BytesIO):
    """A stream that gives few bytes at a time, as pipes do."""

    def read1(self, size=-1):
        return super().read1(7)


def lines_of(data, encoding=None, newline="", max_cell=2**24, stream=Drops):
    return Lines(ByteSource(stream(data), "pipe"), encoding, newline, max_cell)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["", "\n"])
def test_lines_and_their_bytes(encoding, newline):
    text = "a\nbc\r\n\nd\re\r\n\r\nlast"
    data = text.encode(encoding)
    lines = lines_of(data, encoding, newline)
    expected = list(io.StringIO(text, newline=newline))
    read, places = [], []
    for number, line in enumerate(lines, 1):
        lines.record = number
        read.append(line)
        places.append(lines.byte(number))
    assert read == expected
    assert places == [len("".join(expected[:count]).encode(encoding)) for count in range(len(expected))]


def test_bytes_are_counted_from_the_mark_on():
    lines = lines_of(b"\xff\xfe" + "a\nb\n".encode("utf-16-le"))
    assert list(lines) == ["a\n", "b\n"]
    assert lines.byte(2) == 2 + 4


def test_units_of_utf_16_that_look_like_line_ends_are_none():
    text = "\u0a00\u000a\u0d0a\u0a0d\u0d00\n" * 9
    assert list(lines_of(text.encode("utf-16-le"), "utf-16-le", "\n")) == list(io.StringIO(text, newline="\n"))


def test_a_line_that_is_not_text_is_rejected_once():
    lines = lines_of("gü\n".encode() * 3 + b"b\xe9d \xff\n" + b"good\n")
    rejects = Rejects("pipe", skip=True, listener=(found := []).append)
    good = []
    for number, line in enumerate(lines, 1):
        lines.record = number
        if not lines.refused(rejects, number, number):
            good.append(line)
    assert good == ["gü\n"] * 3 + ["good\n"]
    (reject,) = found
    assert (reject.line, reject.byte) == (4, 12)
    assert reject.reason == "byte 0xE9, number 2 of the line, is not UTF-8"


def test_escapes_of_an_encoding_are_no_way_in_for_surrogates():
    lines = lines_of(b"ok\n\\ud800\n", "raw_unicode_escape")
    list(lines)
    assert [fault.line for fault in lines.faults] == [2]


def test_a_line_without_end_is_refused():
    with pytest.raises(DataError, match=r"pipe:2: a line of more than \d+ bytes"):
        list(lines_of(b"a\n" + b"x" * (65 * 2**20), max_cell=1000, stream=io.BytesIO))


@pytest.mark.parametrize("name", ["punycode", "unicode_escape", "idna", "undefined", "a\0b", "rot13", "base64"])
def test_encodings_without_line_ends_are_refused(name):
    with pytest.raises(DataError, match="is not an encoding"):
        lines_of(b"a,b\n", name)
