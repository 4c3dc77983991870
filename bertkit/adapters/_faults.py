"""Rows whose labels cannot be repaired: refused, or left out and counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError

log = logging.getLogger("bertkit")
SHOWN = 5


class Fault(Exception):  # noqa: N818 - caught here, never shown
    """What is wrong with one row.

    Args:
        reason: The kind of fault, to be counted.
        message: What came in and what was allowed.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Tally:
    """What was done to rows: each reason with how often it was met, and where first."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self.places: dict[str, list[str]] = {}

    def add(self, place: str, times: Mapping[str, int], note: str = "") -> None:
        """Count what was done to one row.

        Args:
            place: Where the row stands.
            times: Reason to how often it was met, perhaps never.
            note: What exactly was found there.
        """
        for reason, count in times.items():
            if count:
                self.counts[reason] += count
                self.first.setdefault(reason, place)
                places = self.places.setdefault(reason, [])
                if len(places) < SHOWN:
                    places.append(f"{place}: {note}" if note else place)


def mend_each(
    found: Examples,
    role: str,
    on_bad_row: str,
    mend: Callable[[Example], Example],
    place: Callable[[Example], str] = attrgetter("where"),
) -> Examples:
    """Mend rows one by one.

    Args:
        found: The rows.
        role: Where their labels are.
        on_bad_row: "stop" or "skip".
        mend: Returns a row in order, or raises Fault.
        place: Says where a row stands.

    Raises:
        DataError: A row has a fault and on_bad_row is "stop".
    """
    rows: list[Example] = []
    bad: list[str] = []
    dropped = Tally()
    for example in found.rows:
        try:
            rows.append(mend(example))
        except Fault as fault:
            bad.append(f'{place(example)}, column of role "{role}": {fault}')
            dropped.add(place(example), {fault.reason: 1}, str(fault))
    if bad and on_bad_row == "stop":
        counts = ", ".join(f"{count} with {reason}" for reason, count in dropped.counts.items())
        raise DataError(
            f"{bad[0]} (bad rows in {found.source}: {counts})",
            "repair the rows, or pass over them with --set data.on_bad_row=skip",
        )
    if bad:
        log.warning("%s", some(bad))
    return with_counts(replace(found, rows=rows), dropped=dropped)


def with_counts(found: Examples, *, dropped: Tally | None = None, repaired: Tally | None = None) -> Examples:
    """Return examples with more rows left out and more repairs on their account.

    Args:
        found: The examples.
        dropped: Why rows were left out.
        repaired: What was mended.
    """
    dropped, repaired = dropped or Tally(), repaired or Tally()
    return replace(
        found,
        dropped=dict(Counter(found.dropped) + dropped.counts),
        repaired=dict(Counter(found.repaired) + repaired.counts),
        first={**dropped.first, **repaired.first, **found.first},
        places={**dropped.places, **repaired.places, **found.places},
    )


def with_value(example: Example, role: str, value: Any) -> Example:
    """Return a row with another value of one role."""
    return replace(example, values={**example.values, role: value})


def some(lines: Sequence[str]) -> str:
    """Return the first few of what a message should name."""
    return "; ".join(lines[:SHOWN]) + ("; ..." if len(lines) > SHOWN else "")
