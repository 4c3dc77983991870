"""What the modules that compare numbers share."""

from __future__ import annotations

from typing import Any

import numpy as np


def describe(description: str) -> Any:
    """Return the `evaluate.MetricInfo` of a metric of two columns of numbers."""
    import datasets
    import evaluate

    number = datasets.Value("float64")
    features = datasets.Features({"predictions": number, "references": number})
    return evaluate.MetricInfo(description=description, citation="", features=features)


def columns(predictions: Any, references: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return references and predictions as arrays, in the order that `bertkit.data.metrics` takes them."""
    return np.asarray(references, dtype=float), np.asarray(predictions, dtype=float)
