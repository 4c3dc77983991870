"""Bytes to text: the encoding of an input, and what is done with bytes that do not belong to it."""

from __future__ import annotations

import codecs
import re

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
# The error handler that puts a surrogate in the place of each undecodable byte; strict decoding never gives one.
STAND_IN = "bertkit-stand-in"
FIRST_STAND_IN = 0xDC00
NO_TEXT = re.compile("[\ud800-\udfff\0]")


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


def decode(data: bytes, encoding: str) -> tuple[str, bool]:
    """Decodes whole lines, with a surrogate in the place of each undecodable byte.

    Args:
        data: The bytes.
        encoding: A name from `choose_encoding`.

    Returns:
        The text, and whether it holds a surrogate or a NUL.
    """
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode(encoding, STAND_IN), True
    # Strict UTF-8, -16 and -32 give no surrogate; the escapes of some other encodings can.
    holds_nul = b"\0" in data and "\0" in text
    return text, holds_nul or (not encoding.startswith("utf-") and NO_TEXT.search(text) is not None)


def complaint(line: str, encoding: str) -> str:
    """Says what is wrong with a line.

    Args:
        line: A line of what `decode` gave.
        encoding: As there.

    Returns:
        What the first surrogate or NUL means; an empty text where there is none.
    """
    found = NO_TEXT.search(line)
    if not found:
        return ""
    if found[0] == "\0":
        return "there is a NUL byte, which text never holds"
    number = len(line[: found.start()].encode(encoding, "replace")) + 1
    code = ord(found[0]) - FIRST_STAND_IN
    if not 0 <= code < 256:
        return f"{found[0]!r} is half of a character"
    return f"byte 0x{code:02X}, number {number} of the line, is not {encoding.upper()}"


def _canonical(wanted: str) -> str:
    try:
        name = codecs.lookup(wanted).name
        " ".encode(wanted)  # unlike codecs.lookup, this refuses codecs that are not for text
        plain = WITHOUT_MARK.get(name, name)
        # Lines are found before they are decoded, which needs line ends that look alike everywhere.
        if len("ab\n".encode(plain)) != 3 * len("\n".encode(plain)):
            raise LookupError(wanted)
        "a".encode(plain).decode(plain, STAND_IN)
    except (LookupError, ValueError):
        raise DataError(
            f'data.encoding: "{wanted}" is not an encoding.',
            "Set one such as utf-8, cp1252, latin-1 or utf-16.",
        ) from None
    return name


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(FIRST_STAND_IN + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(STAND_IN, _stand_in)
