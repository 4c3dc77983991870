"""Label cells to label names and ids, with errors that name the file, the line and the nearest label."""

from __future__ import annotations

import difflib
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.data.examples import Example
from bertkit.data.tables import as_text
from bertkit.errors import DataError

ROLE = "label"
MOST_DIGITS = 100
log = logging.getLogger("bertkit")


def one(example: Example, coded: Sequence[str] = ()) -> str:
    """Return the label of a row as text.

    Args:
        example: The row.
        coded: Label names, where the cells hold their positions.
    """
    text = (as_text(example.values[ROLE]) or "").strip()
    return coded[int(text)] if is_position(text, coded) else text


def is_position(text: str, names: Sequence[str]) -> bool:
    """Tell whether a text is a whole number that counts names from 0."""
    # The length first: int() refuses thousands of digits.
    return len(text) <= MOST_DIGITS and text.isdecimal() and int(text) < len(names)


def several(example: Example, separator: str, coded: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the labels of a row: a list as it is, text split at the separator; an empty cell has none."""
    value = example.values[ROLE]
    parts = value if isinstance(value, list) else (as_text(value) or "").split(separator)
    cells = (Example(example.source, example.line, {ROLE: part}) for part in parts)
    return tuple(label for label in (one(cell, coded) for cell in cells) if label)


def learn(counts: Mapping[str, int], names: Sequence[str], source: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Choose the label names of a model: the recipe's where the rows use them, else those of the rows.

    Args:
        counts: Label to number of training rows.
        names: The recipe's label names, perhaps none.
        source: Name of the training file.

    Returns:
        The names, and `coded` where the rows hold positions in the recipe's names.

    Raises:
        DataError: The rows have fewer than two labels.
    """
    found = vocabulary(counts, source)
    _warn_of_twins(counts, source)
    # Names first: a recipe may call its labels "1", "2", "3", and then a cell with 1 is no position.
    if not set(found) <= set(names) and all(is_position(label, names) for label in found):
        return tuple(names), {"coded": True}
    if not set(found).isdisjoint(names):
        return tuple(names), {}
    if names:
        log.info("The recipe's labels (%s) do not occur; using those of the rows.", ", ".join(names[:5]))
    return found, {}


def number(example: Example) -> float:
    """Return the label of a row as a finite number.

    Raises:
        DataError: It is not one.
    """
    text = (as_text(example.values[ROLE]) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(
            f'{example.where}, column of role "label": "{text}" is not a number',
            "correct the cell, or --set adapter.labels=single to treat the cells as names of classes",
        )
    return value


def rows_with(counts: Mapping[str, int], labels: Sequence[str], fitted: Mapping[str, Any]) -> list[int]:
    """Return how many training rows have each label, given what `learn` returned."""
    return [counts.get(str(index) if "coded" in fitted else label, 0) for index, label in enumerate(labels)]


def vocabulary(counts: Mapping[str, int], source: str) -> tuple[str, ...]:
    """Return the distinct labels, numbers by value and text by alphabet, so that "10" follows "2".

    Args:
        counts: Label to number of training rows.
        source: Name of the training file.

    Raises:
        DataError: There are fewer than two.
    """
    if len(counts) < 2:
        only = ", ".join(f'"{label}"' for label in counts) or "none"
        raise DataError(
            f"{source}: a classifier needs at least two labels, and the training rows have {len(counts)}: {only}",
            "check --label: it must name the column with the classes",
        )
    return tuple(sorted(counts, key=_natural))


def check_known(found: Sequence[tuple[Example, str]], names: Sequence[str]) -> None:
    """Check labels against the known ones.

    Args:
        found: Each label with its row.
        names: The labels of the model.

    Raises:
        DataError: Some are unknown; all of them are listed with their first place and the nearest known label.
    """
    known = set(names)
    first: dict[str, Example] = {}
    counts: Counter[str] = Counter()
    for example, label in found:
        if label not in known:
            first.setdefault(label, example)
            counts[label] += 1
    if not first:
        return
    lines = [
        f'{place.where}: label "{label}" ({counts[label]} rows){_nearest(label, names)}'
        for label, place in first.items()
    ]
    more = f"\n... and {len(lines) - 10} more" if len(lines) > 10 else ""
    raise DataError(
        "Labels that the model does not have:\n" + "\n".join(lines[:10]) + more,
        f"correct or remove these rows; the known labels are: {', '.join(names[:20])}" + ", ..." * (len(names) > 20),
    )


def _warn_of_twins(counts: Mapping[str, int], source: str) -> None:
    twins: dict[str, list[str]] = {}
    for label in counts:
        twins.setdefault(" ".join(label.casefold().split()), []).append(label)
    for group in twins.values():
        if len(group) > 1:
            found = " and ".join(f'"{label}" ({counts[label]} rows)' for label in sorted(group))
            log.warning(
                "%s: %s differ only by case or spaces, and become labels of their own; write them alike to merge them",
                source,
                found,
            )


def _nearest(label: str, names: Sequence[str]) -> str:
    plain = {name.strip().casefold(): name for name in names}
    near = plain.get(label.strip().casefold()) or next(iter(difflib.get_close_matches(label, names, n=1)), None)
    return f'; did you mean "{near}"?' if near else ""


def _natural(label: str) -> tuple[int, float, str]:
    try:
        value = float(label)
    except ValueError:
        value = math.nan
    return (0, value, label) if math.isfinite(value) else (1, 0.0, label)
