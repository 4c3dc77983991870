"""Rows whose labels cannot be repaired: refused, or left out and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError


class Fault(Exception):  # noqa: N818 - caught here, never shown
    """What is wrong with one row.

    Args:
        reason: The kind of fault, to be counted.
        message: What came in and what was allowed.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def mend_each(found: Examples, role: str, on_bad_row: str, mend: Callable[[Example], Example]) -> Examples:
    """Mend rows one by one.

    Args:
        found: The rows.
        role: Where their labels are.
        on_bad_row: "stop" or "skip".
        mend: Returns a row in order, or raises Fault.

    Raises:
        DataError: A row has a fault and on_bad_row is "stop".
    """
    rows: list[Example] = []
    reasons: Counter[str] = Counter()
    places: dict[str, str] = {}
    first: tuple[Example, Fault] | None = None
    for example in found.rows:
        try:
            rows.append(mend(example))
        except Fault as fault:
            reasons[fault.reason] += 1
            places.setdefault(fault.reason, example.where)
            first = first or (example, fault)
    if first and on_bad_row == "stop":
        counts = ", ".join(f"{count} with {reason}" for reason, count in reasons.items())
        raise DataError(
            f'{first[0].where}, column of role "{role}": {first[1]} (bad rows in {found.source}: {counts})',
            "repair the rows, or pass over them with --set data.on_bad_row=skip",
        )
    return with_counts(replace(found, rows=rows), places, dropped=reasons)


def with_counts(
    found: Examples,
    first: Mapping[str, str],
    *,
    dropped: Mapping[str, int] | None = None,
    repaired: Mapping[str, int] | None = None,
) -> Examples:
    """Return examples with more rows left out and more repairs on their account.

    Args:
        found: The examples.
        first: Where each reason was met first.
        dropped: Reason to number of rows.
        repaired: What was mended, and how often.
    """
    return replace(
        found,
        dropped=dict(Counter(found.dropped) + Counter(dropped or {})),
        repaired=dict(Counter(found.repaired) + Counter(repaired or {})),
        first={**first, **found.first},
    )


def with_value(example: Example, role: str, value: Any) -> Example:
    """Return a row with another value of one role."""
    return replace(example, values={**example.values, role: value})
