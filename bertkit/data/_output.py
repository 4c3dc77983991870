"""Bytes of an output: a file that appears only when it is whole, or standard output."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from pathlib import Path
from typing import BinaryIO, cast

from bertkit.data.durable import part_path, rename
from bertkit.errors import UsageError


class PartFile:
    """A file written as `<path>.part` and renamed when it is whole; `.gz` is compressed.

    Args:
        path: The name it gets in the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = part_path(path)
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.", f"Try `mkdir -p {path.parent}`.") from None
        self._gzip = None
        if path.suffix.lower() == ".gz":
            # No time stamp and no name inside: the same rows give the same bytes.
            self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)
        self.stream = cast(BinaryIO, io.BufferedWriter(self._gzip) if self._gzip else self._file)  # type: ignore[type-var]

    def flush(self) -> None:
        """Leaves the bytes in memory, since nobody sees the file before it is whole."""

    def commit(self) -> None:
        """Makes the file durable and gives it its name."""
        if self._gzip:
            self.stream.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        rename(self._part, self._path)

    def discard(self) -> None:
        """Removes what was written."""
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)


class StandardOutput:
    """Standard output as the place for rows."""

    def __init__(self) -> None:
        self.stream = cast(BinaryIO, sys.stdout.buffer)

    def flush(self) -> None:
        """Hands the rows to the reader at the other end of the pipe."""
        self.stream.flush()

    def commit(self) -> None:
        """Hands over the last rows."""
        self.stream.flush()

    def discard(self) -> None:
        """Leaves what was sent: it cannot be called back."""


def check_output(path: Path, source: Path | None, *, overwrite: bool) -> None:
    """Refuses an output that would destroy something.

    Args:
        path: The output.
        source: The file the rows come from, if it is one.
        overwrite: An existing output may be replaced.

    Raises:
        UsageError: The output exists, is the input itself, or is no file.
    """
    for place in (path, part_path(path)):
        if source and place.exists() and source.exists() and place.samefile(source):
            raise UsageError(f"{path} would overwrite the input {source}.", "Name another output.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file.", "Name a file, or `-` for standard output.")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already.", "Replace it with `--overwrite`, or name another file.")
