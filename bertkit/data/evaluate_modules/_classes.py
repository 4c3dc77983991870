"""What the modules that compare classes share: their inputs, and any integers as class ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bertkit.data import metrics

AVERAGES = ("binary", "micro", "macro", "weighted", None)


def describe(config_name: str, description: str) -> Any:
    """Return the `evaluate.MetricInfo` of a metric of classes, or of label sets if that is configured."""
    import datasets
    import evaluate

    value = datasets.Value("int32")
    feature = datasets.List(value) if config_name == "multilabel" else value
    return evaluate.MetricInfo(
        description=description,
        citation="",
        features=datasets.Features({"predictions": feature, "references": feature}),
    )


def count(predictions: Any, references: Any) -> tuple[metrics.ClassCounts, list[int]]:
    """Count hits of each class.

    Args:
        predictions: Integers, or one 0/1 list per row.
        references: The same.

    Returns:
        The counts, and the class that each of them is of.
    """
    gold, answer = np.asarray(references), np.asarray(predictions)
    if gold.ndim == 2:
        return metrics.count_labels(gold, answer), list(range(gold.shape[1]))
    classes, ids = np.unique(np.concatenate([gold, answer]), return_inverse=True)
    counts = metrics.count_classes(ids[: len(gold)], ids[len(gold) :], len(classes))
    return counts, classes.tolist()


def averaged(
    score: Callable[[metrics.ClassCounts], metrics.Array],
    predictions: Any,
    references: Any,
    pos_label: int,
    how: str | None,
) -> Any:
    """Return one float, or one for each class when `how` is None.

    Args:
        score: `precision`, `recall` or `f1` of `bertkit.data.metrics`.
        predictions: Integers, or one 0/1 list per row.
        references: The same.
        pos_label: The class that "binary" scores.
        how: One of AVERAGES.

    Raises:
        ValueError: An average that is not known, or "binary" where there is more than one positive class.
    """
    if how not in AVERAGES:
        raise ValueError(f"average={how!r}: expected one of {AVERAGES}")
    counts, classes = count(predictions, references)
    if how is None:
        return score(counts)
    if how != "binary":
        return metrics.average(score, counts, how)  # type: ignore[arg-type]
    if np.ndim(references) == 2 or len({*classes, pos_label}) > 2:
        raise ValueError(f'average="binary" with classes {classes}: name another average, such as "macro"')
    return float(score(counts)[classes.index(pos_label)]) if pos_label in classes else 0.0
