"""What a check of rows hands back: how bad it is, how often it was met, where first, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bertkit.data.examples import Example

Level = Literal["good", "warning", "error"]
SHOWN = 5
EXCERPT = 60


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        check: Its name.
        level: "error" for what stops a training or makes its scores mislead, "warning" for what is worth a look.
        count: How often it was met.
        sentence: What was found.
        places: The first few places.
        advice: What to do about it.
        figures: The numbers behind the sentence.
    """

    check: str
    level: Level
    count: int
    sentence: str
    places: Sequence[str] = ()
    advice: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    def with_places(self) -> str:
        """Return sentence and places in one line."""
        places = "; ".join(self.places)
        return f"{self.check}: {self.sentence}" + (f" (first: {places})" if places else "")


def counted(
    check: str, level: Level, counts: Mapping[str, int], good: str, bad: str, places: Sequence[str], advice: str
) -> Finding:
    """Return the finding of something that should not be met at all.

    Args:
        check: Its name.
        level: How bad it is.
        counts: Split to how often it was met.
        good: What to say where it was not met.
        bad: What to say otherwise; the counts follow.
        places: Where it was met.
        advice: What to do then.
    """
    total = sum(counts.values())
    if not total:
        return Finding(check, "good", 0, good)
    by_split = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return Finding(check, level, total, f"{bad}: {by_split}", places[:SHOWN], advice, {"by_split": dict(counts)})


def brief(text: str) -> str:
    """Return a text in quotes and one line, cut where it is long."""
    line = " ".join(text.split())
    return f'"{line if len(line) <= EXCERPT else line[:EXCERPT] + "..."}"'


def spot(example: Example, text: str) -> str:
    """Return where a row stands and how it begins."""
    return f"{example.where} {brief(text)}"
