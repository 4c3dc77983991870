"""Room on a disk, and what goes wrong while something is written to it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bertkit.data.durable import DISK_FULL
from bertkit.errors import MachineError

# How Rust, which writes safetensors, names an error of the operating system.
OS_ERROR = re.compile(r"\(os error (\d+)\)")
MIB = 2**20


def require(path: Path, needed: float, purpose: str) -> None:
    """Check that a disk has room.

    Args:
        path: Where something will be written; it need not exist yet.
        needed: Bytes.
        purpose: What needs them.

    Raises:
        MachineError: There are fewer.
    """
    free = _free(path)
    if free < needed:
        raise MachineError(
            f"{_existing(path)} has {free / MIB:,.0f} MiB free, and {purpose} needs about {needed / MIB:,.0f} MiB",
            "free some space, or --output on another disk",
        )


@contextmanager
def write_errors(path: Path, needed: float, hint: str) -> Iterator[None]:
    """Turn what goes wrong while something is written into an error that says where, and what it needed.

    Args:
        path: What is being written.
        needed: Bytes that it takes.
        hint: What to type next.

    Raises:
        MachineError: The operating system refused.
    """
    try:
        yield
    except Exception as error:
        number = _number(error)
        if number is None:
            raise
        said = os.strerror(number)
        if number in DISK_FULL:
            said = (
                f"the disk is full: it needs about {needed / MIB:,.1f} MiB, and {_free(path) / MIB:,.1f} MiB are free"
            )
        raise MachineError(f"{path} cannot be written: {said}", hint) from error


def size(folder: Path) -> int:
    """Return the bytes of the files of a folder, or 0 if there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _number(error: Exception) -> int | None:
    """Return the number of the operating system's error, if it was one."""
    if isinstance(error, OSError):
        return error.errno
    found = OS_ERROR.search(str(error)) if type(error).__name__ == "SafetensorError" else None
    return int(found[1]) if found else None


def _free(path: Path) -> int:
    return shutil.disk_usage(_existing(path)).free


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.absolute().parents) if one.exists())
