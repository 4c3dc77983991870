"""Matthews' correlation coefficient of two or more classes, 0.0 where undefined."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _classes


class MatthewsCorrelation(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../matthews_correlation.py")`."""

    def _info(self) -> Any:
        return _classes.describe("default", __doc__)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        counts, _ = _classes.count(predictions, references)
        return {"matthews_correlation": metrics.mcc(counts)}
