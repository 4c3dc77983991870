"""What the modules that rank by a score share."""

from __future__ import annotations

from typing import Any


def describe(config_name: str, description: str) -> Any:
    """Return the `evaluate.MetricInfo` for one score a row, or a score per class if configured so.

    Args:
        config_name: "default" (0/1, a number), "multiclass" (class id, list) or "multilabel" (two lists).
        description: What the metric is.
    """
    import datasets
    import evaluate

    label, number = datasets.Value("int32"), datasets.Value("float64")
    features = {
        "prediction_scores": number if config_name == "default" else datasets.List(number),
        "references": datasets.List(label) if config_name == "multilabel" else label,
    }
    return evaluate.MetricInfo(description=description, citation="", features=datasets.Features(features))


def check(average: str, multi_class: str = "ovr") -> None:
    """Refuse what other implementations offer and this one does not.

    Raises:
        ValueError: Anything but the macro average of one class against the rest.
    """
    if (average, multi_class) != ("macro", "ovr"):
        raise ValueError(f'average={average!r}, multi_class={multi_class!r}: expected "macro" and "ovr"')
