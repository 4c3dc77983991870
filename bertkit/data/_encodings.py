"""Which encoding an input has that is not what it was taken for; asked only when it could not be read."""

from __future__ import annotations

import re

from bertkit.data._input import ByteSource

SAMPLE = 65536
# What files in the wild have, by what browsers and spreadsheets offer (https://encoding.spec.whatwg.org/#names-and-labels).
COMMON = [
    "utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp1258", "cp874", "koi8_r", "cp866", "cp932", "euc_jp", "gb18030", "big5", "cp949",
]  # fmt: skip
NAMES = {"utf_8": "utf-8", "koi8_r": "koi8-r", "euc_jp": "euc-jp"}
# Where two encodings read a sample as well as each other, the one that more files have.
LIKELIEST = "cp1252"
AS_GOOD = 0.02
# No word mixes Latin letters with those of the alphabets that other encodings of one byte a character are for.
MIXED = re.compile("[A-Za-z][\u0370-\u0eff]|[\u0370-\u0eff][A-Za-z]")


def encoding_hint(source: ByteSource, tried: str, near: bytes) -> str:
    """Says what to type where bytes could not be read; the arguments are those of `other_encoding`."""
    named = other_encoding(source, tried, near)
    if not named:
        return "No usual encoding fits these bytes: the file is damaged there."
    return f"The bytes look like {named}: try `--encoding {named}` (or `--set data.encoding={named}`)."


def other_encoding(source: ByteSource, tried: str, near: bytes) -> str:
    """Suggests the encoding of an input.

    Args:
        source: The input; what is looked at is not taken from it.
        tried: What it is not.
        near: The lines around the bytes that could not be read.

    Returns:
        The name of the encoding that decodes head, middle and tail and gives the most plausible text, or an empty text
        where none does: then the input is damaged, and not of another encoding.
    """
    from charset_normalizer import from_bytes

    if near.count(0) > len(near) // 4:
        return "utf-16-be" if near[::2].count(0) > near[1::2].count(0) else "utf-16-le"
    # The first and the last line of a sample may be cut; lines without a foreign byte tell nothing.
    near = near[: 4 * SAMPLE]
    lines = [*near.split(b"\n"), *(line for sample in source.samples(SAMPLE)[0] for line in sample.split(b"\n")[1:-1])]
    telling = list(dict.fromkeys(line for line in lines if not line.isascii()))
    if 2 * sum(map(_is_utf_8, telling)) >= len(telling):
        return "utf-8" if tried != "utf-8" and 0 not in near else ""
    matches = from_bytes(b"\n".join(telling), cp_isolation=[name for name in COMMON if NAMES.get(name, name) != tried])
    plausible = [match for match in matches if not MIXED.search(str(match))]
    if not plausible:
        return ""
    best = plausible[0]
    for match in plausible:
        if LIKELIEST in match.could_be_from_charset and match.chaos <= best.chaos + AS_GOOD:
            return LIKELIEST
    return NAMES.get(best.encoding, best.encoding)


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
