"""Entities compared: what CoNLL's scores count, and the kinds of error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertkit.data.metrics import ClassCounts

Entity = Mapping[str, Any]
Key = tuple[str, int, int]

KINDS = ("right", "boundary", "type", "boundary and type", "missed", "spurious")


def key(entity: Entity) -> Key:
    """Return what makes two entities the same: type, start and end."""
    return entity["type"], entity["start"], entity["end"]


def count_entities(
    gold: Sequence[Sequence[Entity]], answers: Sequence[Sequence[Entity]], types: Sequence[str]
) -> NDArray[np.float64]:
    """Count entities by row and type; one is right where its type, first and last character are.

    Source: Tjong Kim Sang and De Meulder 2003, Introduction to the CoNLL-2003 shared task.

    Args:
        gold: The entities of each row.
        answers: The answered entities of each row.
        types: All types.

    Returns:
        How many are right, answered and true; shape (rows, 3, types).
    """
    index = {kind: position for position, kind in enumerate(types)}
    counts = np.zeros((len(gold), 3, len(types)))
    for row, (true, answered) in enumerate(zip(gold, answers, strict=True)):
        if not true and not answered:
            continue
        known, found = set(map(key, true)), set(map(key, answered))
        for place, entities in enumerate((known & found, found, known)):
            for kind, _, _ in entities:
                counts[row, place, index[kind]] += 1
    return counts


def to_class_counts(counts: NDArray[Any]) -> ClassCounts:
    """Return counts of shape (3, classes) in the form that precision, recall and F1 take."""
    return ClassCounts(*counts.reshape(3, -1))


def kinds_of_error(gold: Sequence[Sequence[Entity]], answers: Sequence[Sequence[Entity]]) -> dict[str, int]:
    """Pair true and answered entities one to one, the most alike first, and count how the pairs differ.

    Args:
        gold: The entities of each row.
        answers: The answered entities of each row.

    Returns:
        For each of `KINDS` a count. All but "spurious" add up to the true entities.
    """
    counts: Counter[str] = Counter()
    for true, answered in zip(gold, answers, strict=True):
        left, over = list(map(key, true)), list(map(key, answered))
        for kind, alike in PAIRINGS.items():
            for entity in tuple(left):
                if partner := next((other for other in over if alike(entity, other)), None):
                    left.remove(entity)
                    over.remove(partner)
                    counts[kind] += 1
        counts.update(missed=len(left), spurious=len(over))
    return {kind: counts[kind] for kind in KINDS}


def _overlap(one: Key, other: Key) -> bool:
    return one[1] < other[2] and other[1] < one[2]


PAIRINGS: dict[str, Callable[[Key, Key], bool]] = {
    "right": lambda one, other: one == other,
    "type": lambda one, other: one[1:] == other[1:],
    "boundary": lambda one, other: one[0] == other[0] and _overlap(one, other),
    "boundary and type": _overlap,
}
