"""Bytes to lines of text, where an undecodable byte is reported with its place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from bertkit.data._input import ByteSource
from bertkit.errors import DataError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def choose_encoding(head: bytes, wanted: str | None) -> tuple[str, int]:
    """Finds the encoding of an input.

    Args:
        head: Its first bytes.
        wanted: The encoding that the user has set, if any.

    Returns:
        The name of the encoding and the length of the byte order mark in bytes. The mark decides when
        nothing is set; with neither it is UTF-8.

    Raises:
        DataError: The wanted encoding is unknown.
    """
    mark, marked = next(((mark, name) for mark, name in MARKS if head.startswith(mark)), (b"", "utf-8"))
    if wanted is None:
        return marked, len(mark)
    name = _canonical(wanted)
    if mark and marked.startswith(name.removesuffix("-sig")):
        return marked, len(mark)
    return WITHOUT_MARK.get(name, name), 0


def read_lines(source: ByteSource, encoding: str | None, newline: str) -> Iterator[str]:
    r"""Decodes an input line by line, with the line ends kept.

    Args:
        source: The input, at its start.
        encoding: What the user has set, or None.
        newline: "" ends a line at LF, CR or CRLF, "\n" only at LF.

    Raises:
        DataError: A byte that does not belong to the encoding.
    """
    name, mark = choose_encoding(source.head(), encoding)
    source.skip(mark)
    try:
        yield from io.TextIOWrapper(source, encoding=name, newline=newline)
    except UnicodeDecodeError as error:
        raise _undecodable(source, error, name) from None


def _canonical(wanted: str) -> str:
    try:
        " ".encode(wanted)  # unlike codecs.lookup, this refuses codecs that are not for text
    except LookupError:
        raise DataError(
            f'data.encoding: "{wanted}" is not an encoding.',
            "Set one such as utf-8, cp1252, latin-1 or utf-16.",
        ) from None
    return codecs.lookup(wanted).name


def _undecodable(source: ByteSource, error: UnicodeDecodeError, encoding: str) -> DataError:
    line = source.newlines - error.object.count(b"\n", error.start) + 1
    before = error.object.rfind(b"\n", 0, error.start)
    if before >= 0:
        column = error.start - before
    else:
        column = source.bytes_read - len(error.object) + error.start - source.line_start + 1
    byte = error.object[error.start]
    return DataError(
        f"{source.name}:{line}: byte 0x{byte:02X}, number {column} of the line, is not {encoding.upper()}.",
        "If the file comes from Windows or an old system, try `--set data.encoding=cp1252` (or latin-1)."
        if encoding == "utf-8"
        else "It is damaged, or saved in another encoding: name that, such as `--set data.encoding=cp1252`.",
    )
