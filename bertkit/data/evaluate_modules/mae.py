"""Mean absolute error."""

from typing import Any

import evaluate

from bertkit.data import metrics
from bertkit.data.evaluate_modules import _numbers


class Mae(evaluate.Metric):  # type: ignore[misc]
    """`evaluate.load(".../mae.py")`."""

    def _info(self) -> Any:
        return _numbers.describe(__doc__)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"mae": metrics.mean_absolute_error(*_numbers.columns(predictions, references))}
