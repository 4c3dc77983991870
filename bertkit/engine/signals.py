"""Ctrl-C and SIGTERM: a request to stop at the next safe place, and then an order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from bertkit.errors import Interrupted

CAUGHT = (signal.SIGINT, signal.SIGTERM)
_ordered: list[int] = []


class StopAsked(Exception):  # noqa: N818 - it is a request, not a fault
    """Work that can be done again later was left, because a signal asked for the end."""


def stop_now(number: int, frame: FrameType | None) -> None:
    """Handle a signal by ending the work at once.

    SIGTERM too is a KeyboardInterrupt: libraries catch any Exception, and would go on.
    """
    _ordered.append(number)
    raise KeyboardInterrupt


def ordered() -> bool:
    """Tell whether a signal has ended the work, and nobody has said so yet."""
    return bool(_ordered)


def taken() -> int:
    """Return the signal that ended the work, and forget it; Ctrl-C if none was noted."""
    number = _ordered[-1] if _ordered else signal.SIGINT
    _ordered.clear()
    return number


@contextmanager
def told(message: str, hint: str) -> Iterator[None]:
    """Say what became of the work if a signal ends the block.

    Args:
        message: What is there now.
        hint: What to type next.

    Raises:
        Interrupted: A signal ended it.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(message, hint, taken()) from error


class StopRequest:
    """While it is entered, the first signal is noted and the second one ends the work at once.

    Attributes:
        signal_number: The signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python only lets the main thread handle signals; elsewhere the caller's own handling stays.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in CAUGHT}
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def poll(self, phase: str, done: int, total: int | None, **facts: float) -> None:
        """Leave work that tells its progress, if a signal came.

        Raises:
            StopAsked: One came.
        """
        if self.signal_number is not None:
            raise StopAsked

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:
            stop_now(number, frame)
        self.signal_number = number
