"""Bytes of an output: a file that appears only when it is whole, or standard output."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from bertkit.data._gzip_members import GzipMembers
from bertkit.data.durable import DISK_FULL, disk_errors, part_path, rename
from bertkit.errors import MachineError, UsageError

# What the user can change about a path; anything else that fails is the machine.
WRONG_PATH = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP
)  # fmt: skip


class PartFile:
    """A file that is written under another name and renamed when it is whole.

    It belongs to one process at a time. What an earlier one left there stays until `start`.

    Args:
        path: The name it gets in the end.
        part: Its name until then; None: `.part` is added.
        packed: Compress it.

    Attributes:
        stream: Where its bytes go.

    Raises:
        UsageError: It cannot be written, or another process writes it.
        MachineError: The disk fails.
    """

    def __init__(self, path: Path, part: Path | None = None, *, packed: bool = False) -> None:
        self._path = path
        self._part = part or part_path(path)
        self._file = _locked(self._part, path)
        self._members = GzipMembers(self._file) if packed else None
        self.stream = cast(BinaryIO, self._members or self._file)

    @property
    def size(self) -> int:
        """Bytes that are in the file."""
        return os.fstat(self._file.fileno()).st_size

    def start(self, size: int = 0) -> None:
        """Drops what lies behind some bytes, and writes on from there."""
        os.ftruncate(self._file.fileno(), size)
        self._file.seek(size)

    def flush(self) -> None:
        """Leaves the bytes in memory, since nobody sees the file before it is whole."""

    def cut(self) -> None:
        """Ends a piece: what comes after it can be read without it."""
        if self._members:
            self._members.cut()

    def sync(self) -> int:
        """Waits until all bytes are on the disk, and returns their number."""
        self.cut()
        self._file.flush()
        os.fsync(self._file.fileno())
        return self.size

    def commit(self) -> None:
        """Makes the file durable and gives it its name."""
        if self._members and not self._members.tell() and not self.size:
            # No bytes at all are no gzip file.
            self.stream.write(b"")
        self.sync()
        rename(self._part, self._path)
        self._file.close()

    def rewrite(self, make: Callable[[BinaryIO, BinaryIO], None]) -> None:
        """Gives the name to another file, which is made of this one.

        Args:
            make: From the bytes of this one to those of the other.
        """
        self.sync()
        opener: Any = gzip.open if self._members else open
        whole = PartFile(self._path, self._path.with_name(self._path.name + ".whole"), packed=self._members is not None)
        try:
            whole.start()
            with opener(self._part, "rb") as written:
                make(written, whole.stream)
            whole.commit()
        except BaseException:
            whole.discard()
            raise
        self.discard()

    def leave(self) -> None:
        """Closes the file and leaves it there, unless it is empty."""
        if not self._file.closed and not self.size:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)
        self._close()

    def discard(self) -> None:
        """Removes what was written."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


class StandardOutput:
    """Standard output as the place for rows."""

    def __init__(self) -> None:
        self.stream = cast(BinaryIO, sys.stdout.buffer)

    def start(self, size: int = 0) -> None:
        """Has nothing to drop."""

    def flush(self) -> None:
        """Hands the rows to the reader at the other end of the pipe."""
        self.stream.flush()

    def cut(self) -> None:
        """Divides nothing."""

    def commit(self) -> None:
        """Hands over the last rows."""
        self.stream.flush()

    def leave(self) -> None:
        """Leaves what was sent."""

    def discard(self) -> None:
        """Leaves what was sent: it cannot be called back."""


@contextlib.contextmanager
def writing_errors(name: str) -> Iterator[None]:
    """Turn what the operating system says about a write into an error of the machine.

    Args:
        name: What is being written.

    Raises:
        MachineError: The disk is full or fails.
        BrokenPipeError: Nobody reads any more.
    """
    try:
        with disk_errors(name):
            yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MachineError(f"{name} cannot be written: {error.strerror}", "write to another disk") from error


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


def _locked(part: Path, path: Path) -> BinaryIO:
    while True:
        file = _opened(part, path)
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise UsageError(f"{path} is being written by another process.", "Wait for it, or name another.") from None
        except OSError as error:
            # Some file systems of networks know no locks.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                file.close()
                raise MachineError(f"{path} cannot be written: {error.strerror}", "write to another disk") from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), part.stat()):
                return file
        # The process that had it has just renamed it or removed it.
        file.close()


def _opened(part: Path, path: Path) -> BinaryIO:
    try:
        # At the end of what is there: until it is locked, it may be another's. A link would lead elsewhere.
        return cast(BinaryIO, open(part, "ab", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o666)))
    except OSError as error:
        if error.errno in DISK_FULL:
            with disk_errors(str(path)):
                raise
        if error.errno not in WRONG_PATH:
            raise MachineError(f"{path} cannot be written: {error.strerror}", "write to another disk") from error
        raise UsageError(f"{path} cannot be written: {error.strerror}.", f"Try `mkdir -p {path.parent}`.") from None
