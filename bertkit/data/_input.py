"""Bytes of an input: a file, a packed file or standard input, with a look ahead."""

from __future__ import annotations

import difflib
import io
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from bertkit.data._unpack import unpack
from bertkit.errors import DataError

BLOCK = 65536


class ByteSource:
    """Bytes of an input in order, uncompressed.

    Args:
        stream: Where they come from.
        name: What messages call the input.
        path: The file, or None for a stream that somebody else closes.

    Attributes:
        inner: The name whose extension says the format: that of the file without `.gz`, or of the member of a zip.
    """

    def __init__(self, stream: io.BufferedReader, name: str, path: Path | None = None) -> None:
        self.name = name
        self.path = path
        opened = unpack(stream, name, path.name if path else None)
        self.inner, self._stream = opened.inner, opened.stream
        self._file = None if opened.packed else stream
        self._ahead = b""
        self._spool: BinaryIO | None = None

    def head(self) -> bytes:
        """Looks at the first bytes, as far as a line that is not blank, without taking them."""
        while b"\n" not in self._ahead.lstrip() and len(self._ahead) < BLOCK:
            block = self._stream.read1(BLOCK)
            if not block:
                break
            self._ahead += block
        return self._ahead

    def skip(self, size: int) -> None:
        """Drops the first bytes that `head` showed, such as a byte order mark."""
        self._ahead = self._ahead[size:]

    def read(self) -> bytes:
        """Takes the bytes that are there, waiting for at least one; none at the end."""
        block, self._ahead = self._ahead, b""
        return block or self._stream.read1(BLOCK)

    def as_file(self) -> BinaryIO:
        """Gives the whole input as a file that can seek; a stream is copied to a temporary file."""
        if self.path and self._file and self._file.seekable():
            self._file.seek(0)
            return self._file
        self._spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed by close()
        while block := self.read():
            self._spool.write(block)
        self._spool.seek(0)
        return self._spool

    def samples(self, size: int) -> tuple[list[bytes], bool]:
        """Looks at the head, the middle and the tail of the input without taking anything.

        Args:
            size: Bytes of each. An input that is packed or a pipe has only a head, as far as it is known.

        Returns:
            The samples in order, and whether they are the whole input.
        """
        if not (self.path and self._file and self.path.is_file()):
            return [self.head()], False
        whole = self.path.stat().st_size
        with self.path.open("rb") as file:
            # Starts are multiples of 4, so that the units of UTF-16 and UTF-32 stay whole.
            starts = sorted({0, max(0, whole - size) // 2 // 4 * 4, max(0, whole - size) // 4 * 4})
            return [_at(file, start, size) for start in starts], whole <= size

    def close(self) -> None:
        """Closes what this source has opened."""
        if self._spool:
            self._spool.close()
        if self.path:
            self._stream.close()


def open_source(path: str | Path) -> ByteSource:
    """Opens a file, also one that is packed with gzip or as the only member of a zip, or standard input.

    Args:
        path: Where the bytes are; "-" is standard input.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    if str(path) == "-":
        return ByteSource(cast(io.BufferedReader, sys.stdin.buffer), "stdin")
    path = Path(path)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.", _nearest(path)) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Name a file of rows.") from None
    except ValueError as error:
        raise DataError(f"{str(path)!r} is no path: {error}.", "Name a file of rows.") from None
    try:
        return ByteSource(file, str(path), path)
    except BaseException:
        file.close()
        raise


def _at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either: check the path."
    near = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else f"Look at what is there: `ls {path.parent}`."
