"""Bytes of an input: a file, a gzip file or standard input, with a look ahead and a running position."""

from __future__ import annotations

import difflib
import gzip
import io
import sys
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from bertkit.errors import DataError

BLOCK = 65536
GZIP = b"\x1f\x8b"


class ByteSource(io.BufferedIOBase):
    """A binary stream for a `TextIOWrapper` that knows where in the input it is.

    Args:
        stream: Uncompressed bytes.
        name: What messages call the input.
        path: The file, or None for a stream that somebody else closes.
    """

    def __init__(self, stream: BinaryIO, name: str, path: Path | None = None) -> None:
        super().__init__()
        self.name = name
        self.path = path
        self.bytes_read = 0
        self.newlines = 0
        self.line_start = 0
        self._next_line_start = 0
        self._stream = stream
        self._ahead = b""
        self._spool: BinaryIO | None = None

    def readable(self) -> bool:
        """Says that this is an input."""
        return True

    def head(self) -> bytes:
        """Looks at the first bytes, as far as a line that is not blank, without taking them."""
        while b"\n" not in self._ahead.lstrip() and len(self._ahead) < BLOCK:
            block = self._read(BLOCK)
            if not block:
                break
            self._ahead += block
        return self._ahead

    def skip(self, size: int) -> None:
        """Drops the first bytes that `head` showed, such as a byte order mark."""
        self._ahead = self._ahead[size:]

    def read1(self, size: int = -1, /) -> bytes:
        """Takes the bytes that are there, waiting for at least one."""
        size = BLOCK if size < 0 else size
        block, self._ahead = self._ahead[:size], self._ahead[size:]
        block = block or self._read(size)
        self.line_start = self._next_line_start
        self.newlines += block.count(b"\n")
        if (last := block.rfind(b"\n")) >= 0:
            self._next_line_start = self.bytes_read + last + 1
        self.bytes_read += len(block)
        return block

    def as_file(self) -> BinaryIO:
        """Gives the whole input as a file that can seek; a stream is copied to a temporary file."""
        if self.path and self._stream.seekable() and not isinstance(self._stream, gzip.GzipFile):
            self._stream.seek(0)
            return self._stream
        self._spool = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed by close()
        while block := self.read1():
            self._spool.write(block)
        self._spool.seek(0)
        return self._spool

    def close(self) -> None:
        """Closes what this source has opened."""
        if self._spool:
            self._spool.close()
        if self.path:
            self._stream.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            return cast(io.BufferedIOBase, self._stream).read1(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{self.name} is not a whole gzip file: {error}", "Copy the file again, or give it unpacked."
            ) from None


def open_source(path: str | Path) -> ByteSource:
    """Opens a file, a `.gz` file, or standard input.

    Args:
        path: Where the bytes are; "-" is standard input.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    if str(path) == "-":
        stream = cast(io.BufferedReader, sys.stdin.buffer)
        zipped = hasattr(stream, "peek") and stream.peek(2)[:2] == GZIP
        return ByteSource(cast(BinaryIO, gzip.open(stream) if zipped else stream), "stdin")
    path = Path(path)
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        return ByteSource(cast(BinaryIO, opener(path, "rb")), str(path), path)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.", _nearest(path)) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Name a file of rows.") from None


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either: check the path."
    near = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else f"Look at what is there: `ls {path.parent}`."
