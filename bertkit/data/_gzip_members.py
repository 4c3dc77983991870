"""Gzip in pieces: what follows a piece does not depend on it."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

# What zlib calls the header and trailer of gzip.
GZIP = 16 + zlib.MAX_WBITS


class GzipMembers(io.RawIOBase):
    """Compresses what is written; each piece becomes a member of its own, which needs nothing of those before.

    No time stamp and no name inside: the same pieces give the same bytes. Members one after another are one valid
    file (RFC 1952).

    Args:
        file: Where the compressed bytes go.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._taken = 0
        self._packer: zlib._Compress | None = None

    def writable(self) -> bool:
        """Says that this is an output."""
        return True

    def tell(self) -> int:
        """Returns how many bytes it was given."""
        return self._taken

    def write(self, data: Any, /) -> int:
        """Takes bytes of the piece that is being written."""
        self._packer = self._packer or zlib.compressobj(wbits=GZIP)
        self._file.write(self._packer.compress(data))
        size = memoryview(data).nbytes
        self._taken += size
        return size

    def cut(self) -> None:
        """Ends the piece."""
        if self._packer:
            self._file.write(self._packer.flush())
            self._packer = None
