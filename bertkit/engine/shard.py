"""A part of an input that one of several machines answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bertkit.errors import UsageError


@dataclass(frozen=True)
class Span:
    """Some good rows of an input.

    Args:
        start: How many come before.
        stop: How many come before its end; None: all that are left.
    """

    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Shard:
    """One of several parts that follow one another.

    Args:
        part: Which one, from 1.
        of: How many there are.

    Raises:
        UsageError: There is no such part.
    """

    part: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.of:
            raise UsageError(f"--shard {self}: the part is from 1 to {max(self.of, 1)}", "--shard 1/4")

    def __str__(self) -> str:
        return f"{self.part}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read what the user typed, such as 2/4.

        Raises:
            UsageError: It has another form, or there is no such part.
        """
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if not found:
            raise UsageError(f'--shard "{text}" is not of the form PART/PARTS', "--shard 1/4")
        return cls(int(found[1]), int(found[2]))

    def span(self, chunk: int, count: Callable[[], int]) -> Span:
        """Return the rows of this part; parts differ by at most one chunk.

        Whole chunks keep together what is computed together, so the parts have the bytes of the whole.

        Args:
            chunk: Rows that are answered together.
            count: Counts the good rows of the input; called only if it must be known.
        """
        if self.of == 1:
            return Span()
        chunks = -(-count() // chunk)
        start, stop = (chunks * part // self.of * chunk for part in (self.part - 1, self.part))
        return Span(start, stop if self.part < self.of else None)

    def name(self, path: Path) -> Path:
        """Return the name of the output of this part: reviews.1-of-4.csv for reviews.csv."""
        if self.of == 1:
            return path
        stem, dot, extension = path.name.partition(".")
        return path.with_name(f"{stem}.{self.part}-of-{self.of}{dot}{extension}")
