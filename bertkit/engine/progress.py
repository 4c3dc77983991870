"""How the engine tells what it is doing, without printing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often while work goes on."""

    def __call__(self, phase: str, done: int, total: int | None, **facts: float) -> None:
        """Report a state.

        Args:
            phase: Such as "train" or "predict".
            done: Steps or rows that are done.
            total: Of how many, if known.
            facts: Such as loss.
        """


def silent(phase: str, done: int, total: int | None, **facts: float) -> None:
    """Report to nobody."""
