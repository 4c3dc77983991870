"""The part of a report with one line a class."""

from __future__ import annotations

from collections.abc import Sequence

from bertkit.adapters._results import Grid
from bertkit.data import metrics


def class_table(
    kind: str, names: Sequence[str], counts: metrics.ClassCounts, support: str, **further: Sequence[float]
) -> Grid:
    """Return precision, recall and F1 of each class, and how often it is true.

    Args:
        kind: What a class is called.
        names: Of the classes.
        counts: In the same order.
        support: What is counted, such as rows.
        further: More scores of each class, by name.
    """
    scores = [score(counts).tolist() for score in (metrics.precision, metrics.recall, metrics.f1)]
    lines = zip(names, *scores, *further.values(), counts.gold.astype(int).tolist(), strict=True)
    return Grid(f"Per {kind}", [kind, "precision", "recall", "f1", *further, support], list(map(list, lines)))
