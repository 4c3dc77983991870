"""Files that are whole, and would survive a loss of power, before they get their names."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bertkit.errors import MachineError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all: an older one of its name stays until the new one is complete.

    Args:
        path: The name it gets in the end; until then `.part` is added.
        data: What it shall hold.
    """
    part = part_path(path)
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        rename(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def part_path(path: Path) -> Path:
    """Return the name of a file while it is unfinished."""
    return path.with_name(path.name + ".part")


def rename(source: Path, target: Path) -> None:
    """Give a synced file or folder its name, for good; an older file of that name is replaced.

    Args:
        source: In the same folder as the target.
        target: Its new name.
    """
    source.replace(target)
    sync(target.parent)


def replace_folder(folder: Path, work: Path) -> None:
    """Put a folder in the place of another one, which is removed; if that fails, the other one stays.

    Args:
        folder: The name it gets; there may be none yet.
        work: Beside it, complete and synced.
    """
    # Hidden: RUN.old may be somebody's own copy.
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        rename(work, folder)
    finally:
        if not folder.exists() and old.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk.

    Args:
        path: A file or a folder.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def disk_errors(name: str, hint: str = "free some space, or write to another disk") -> Iterator[None]:
    """Turn a full disk into an error that says so.

    Args:
        name: What is being written.
        hint: What to type next.

    Raises:
        MachineError: There is no space left.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise MachineError(f"{name}: the disk is full", hint) from error
