"""One process at a time in a run folder."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bertkit.engine import processes, storage
from bertkit.errors import RunError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from working on a run while the block runs; the death of this one frees it too.

    Of several processes that do one job, the main one holds the lock.

    Args:
        folder: Of the run; it need not exist.

    Raises:
        RunError: Another process has it.
    """
    if not processes.is_main():
        yield
        return
    # By whatever path or link it was named.
    whole = folder.resolve()
    path = whole.with_name(f".{whole.name}.lock")
    with storage.write_errors(path, 0, "free some space, or make the folder writable"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path, folder)
    try:
        yield
    finally:
        # Before it is free: whoever waits for it finds that it is gone, and makes a new one.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, folder: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            # A lock of POSIX: children, such as workers that load data, do not inherit it.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise RunError(f"{folder} is in use by {holder}", "wait for its end, or another --output") from error
        except OSError as error:
            # Some file systems of networks know no locks.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
                raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
        # The process that had it has just removed it.
        os.close(descriptor)
