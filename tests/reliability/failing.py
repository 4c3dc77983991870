"""Calls to the operating system that fail at a chosen moment, as SQLite is tested: the n-th one, for every n."""

import builtins
import errno
import io
import os
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import safetensors.torch


class Calls:
    """Counts calls that change the disk, and fails one of them.

    Args:
        failing: Which one, from 1; 0: none.
        number: What the operating system says then.
    """

    def __init__(self, failing: int, number: int) -> None:
        self.failing = failing
        self.number = number
        self.names: list[str] = []

    @property
    def count(self) -> int:
        """How many calls were seen."""
        return len(self.names)

    def seen(self, name: str, path: Any = None) -> None:
        """Note a call, or fail it."""
        self.names.append(f"{name} {path}")
        if self.count == self.failing:
            raise OSError(self.number, os.strerror(self.number), str(path))


class _Stream:
    # A stream that somebody writes to; everything else is passed through.
    def __init__(self, stream: Any, calls: Calls, path: Any) -> None:
        self._stream, self._calls, self._path = stream, calls, path

    def write(self, data: Any) -> int:
        self._calls.seen("write", self._path)
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()


@contextmanager
def nth(failing: int, number: int = errno.EIO) -> Iterator[Calls]:
    """Fail the n-th opening for writing, write, sync or renaming of this process.

    A file that safetensors writes counts as one call: its bytes do not pass through Python.

    Args:
        failing: Which call fails, from 1; 0 counts only.
        number: The error, such as errno.ENOSPC.
    """
    calls = Calls(failing, number)
    real_open, save_file = io.open, safetensors.torch.save_file

    def opened(path: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if not set(mode) & set("wax+"):
            return real_open(path, mode, *rest, **named)
        calls.seen("open", path)
        return _Stream(real_open(path, mode, *rest, **named), calls, path)

    def saved(tensors: Any, path: Any, *rest: Any, **named: Any) -> None:
        calls.seen("save_file", path)
        save_file(tensors, path, *rest, **named)

    def counted(name: str, real: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            calls.seen(name, given[0] if given else None)
            return real(*given, **named)

        return call

    with (
        mock.patch.object(builtins, "open", opened),
        mock.patch.object(io, "open", opened),
        mock.patch.object(safetensors.torch, "save_file", saved),
        mock.patch.object(os, "fsync", counted("fsync", os.fsync)),
        mock.patch.object(os, "replace", counted("replace", os.replace)),
        mock.patch.object(os, "rename", counted("rename", os.rename)),
        mock.patch.object(os, "ftruncate", counted("ftruncate", os.ftruncate)),
        mock.patch.object(pathlib.Path, "open", opened),
    ):
        yield calls
